from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from uuid import RFC_4122

import pytest

from app.core.ids import uuid7


def test_has_the_version_and_variant_of_rfc_9562() -> None:
    made = uuid7()

    assert (made.version, made.variant) == (7, RFC_4122)


def test_carries_the_time_it_was_made_at() -> None:
    stamp = datetime.fromtimestamp((uuid7().int >> 80) / 1000, UTC)

    assert abs(datetime.now(UTC) - stamp) < timedelta(seconds=1)


def test_each_is_greater_than_the_one_before() -> None:
    made = [uuid7() for _ in range(10_000)]

    assert made == sorted(set(made))


@pytest.mark.error_path
def test_stays_in_order_when_the_clock_is_set_back() -> None:
    before = uuid7()

    with patch("time.time_ns", return_value=0):
        after = uuid7()

    assert after > before
