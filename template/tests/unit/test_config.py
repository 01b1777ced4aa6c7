from typing import Any

import pytest
from pydantic import ValidationError

from app.config import DATABASE_URL_FORM, Settings
from tests.factories import required_settings


def make(**values: Any) -> Settings:
    return Settings(_env_file=None, **{**required_settings(), **values})


def problems(**values: Any) -> dict[str, str]:
    """What is wrong with production settings that differ in these values."""
    with pytest.raises(ValidationError) as caught:
        make(**values)
    return {str(error["loc"][0]): error["msg"] for error in caught.value.errors()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example", ["https://a.example"]),
        ("https://a.example, https://b.example", ["https://a.example", "https://b.example"]),
        ('["https://a.example"]', ["https://a.example"]),
    ],
)
def test_reads_a_list_from_the_environment(
    text: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", text)

    assert make().cors_origins == expected


def test_takes_an_empty_variable_for_an_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")

    assert make().port == 8000


@pytest.mark.parametrize(
    ("environment", "expected"), [("development", True), ("staging", True), ("production", False)]
)
def test_shows_the_docs_outside_production(environment: str, *, expected: bool) -> None:
    assert make(environment=environment).docs_enabled is expected


def test_shows_the_docs_in_production_where_asked_to() -> None:
    assert make(docs_enabled=True).docs_enabled


def test_never_prints_the_database_password() -> None:
    url = DATABASE_URL_FORM.replace("password", "hunter2").replace("path", "hunter2")

    assert "hunter2" not in repr(make(database_url=url))


@pytest.mark.sad
def test_is_in_production_unless_told_otherwise() -> None:
    assert make().environment == "production"


@pytest.mark.sad
def test_names_every_problem_at_once() -> None:
    found = problems(
        environment="production",
        database_url="mysql://localhost/app",
        debug=True,
        cors_origins=["*"],
        allowed_hosts=["*"],
        port=0,
    )

    assert found.keys() == {"database_url", "debug", "cors_origins", "allowed_hosts", "port"}


@pytest.mark.sad
def test_names_everything_that_is_missing() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None)

    assert {str(error["loc"][0]) for error in caught.value.errors()} == set(required_settings())


@pytest.mark.sad
def test_keeps_a_refused_value_out_of_the_message() -> None:
    assert "hunter2" not in problems(database_url="mysql://user:hunter2@host/db")["database_url"]


@pytest.mark.sad
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("environment", "prod"),
        ("workers", 0),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("db_pool_size", 0),
        ("db_pool_timeout", 0),
        ("max_body_bytes", 1),
        ("cors_origins", ["https://a.example/path"]),
        ("cors_origins", ["a.example"]),
        ("cors_origins", '["https://a.example"'),
        ("allowed_hosts", ["https://a.example"]),
        ("allowed_hosts", ["a.*.example"]),
        ("trusted_proxies", ["everyone"]),
    ],
)
def test_refuses(name: str, value: object) -> None:
    assert name in problems(**{name: value})
