"""What every schema of input refuses."""

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
        ({"texts": ["fine", SURROGATE]}, ("texts",)),
        ({"anything": {"deep": [{SURROGATE: 1}]}}, ("anything",)),
        ({"inner": {"text": SURROGATE}}, ("inner",)),
        ({"unknown": SURROGATE}, ("unknown",)),
    ],
)
def test_refuses_text_that_utf8_cannot_hold(value: dict[str, Any], place: tuple[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(value)

    assert [(error["loc"], error["type"]) for error in caught.value.errors()] == [
        (place, "string_unicode")
    ]


def test_names_each_field_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"text": SURROGATE, "secret": SURROGATE})

    assert [error["loc"] for error in caught.value.errors()] == [("text",), ("secret",)]


def test_takes_any_depth_of_nesting() -> None:
    nested: Any = "bottom"
    for _ in range(10_000):
        nested = [nested]

    assert Outer(anything=nested).anything is nested


def test_takes_every_character_beyond_the_basic_plane() -> None:
    assert Outer.model_validate(json.loads(r'{"text": "\ud83d\ude00"}')).text == "\N{GRINNING FACE}"
