"""Tests of `InputSchema`, which rejects text that UTF-8 cannot encode."""

import json
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from app.shared.schemas import InputSchema

pytestmark = pytest.mark.error_path

SURROGATE = json.loads(r'"\ud800"')


class Inner(InputSchema):
    text: str


class Outer(InputSchema):
    text: str = ""
    secret: SecretStr = SecretStr("")
    texts: list[str] | None = None
    anything: Any = None
    inner: Inner | None = None


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"text": SURROGATE}, ("text",)),
        ({"secret": SURROGATE}, ("secret",)),
        ({"texts": ["valid", SURROGATE]}, ("texts",)),
        ({"anything": {"deep": [{SURROGATE: 1}]}}, ("anything",)),
        ({"inner": {"text": SURROGATE}}, ("inner",)),
        ({"unknown": SURROGATE}, ("unknown",)),
    ],
)
def test_rejects_an_unpaired_surrogate_in_any_field(
    value: dict[str, Any], place: tuple[str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(value)

    assert [(error["loc"], error["type"]) for error in caught.value.errors()] == [
        (place, "string_unicode")
    ]


def test_reports_all_invalid_fields_together() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"text": SURROGATE, "secret": SURROGATE})

    assert [error["loc"] for error in caught.value.errors()] == [("text",), ("secret",)]


def test_accepts_deeply_nested_values() -> None:
    nested: Any = "bottom"
    for _ in range(10_000):
        nested = [nested]

    assert Outer(anything=nested).anything is nested


def test_accepts_a_surrogate_pair() -> None:
    assert Outer.model_validate(json.loads(r'{"text": "\ud83d\ude00"}')).text == "\N{GRINNING FACE}"
