"""Tests of `uuid7`, which generates time-ordered ids."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from uuid import RFC_4122

import pytest

from app.core.ids import uuid7


def test_an_id_has_the_version_and_variant_of_rfc_9562() -> None:
    new_id = uuid7()

    assert (new_id.version, new_id.variant) == (7, RFC_4122)


def test_an_id_contains_its_creation_time() -> None:
    stamp = datetime.fromtimestamp((uuid7().int >> 80) / 1000, UTC)

    assert abs(datetime.now(UTC) - stamp) < timedelta(seconds=1)


def test_each_id_is_greater_than_the_previous_one() -> None:
    ids = [uuid7() for _ in range(10_000)]

    assert ids == sorted(set(ids))


@pytest.mark.error_path
def test_ids_stay_in_order_when_the_clock_is_set_back() -> None:
    before = uuid7()

    with patch("time.time_ns", return_value=0):
        after = uuid7()

    assert after > before
