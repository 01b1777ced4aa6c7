"""Tests of `Settings`: parsing, defaults, validation errors and warnings."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.config import Settings, example_settings
from app.settings.database_url import FORM
from tests.support.factories import required_settings


def make_settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **{**required_settings(), **values})


def problems(**values: Any) -> dict[str, str]:
    """Return the error messages of the invalid settings, keyed by setting name."""
    with pytest.raises(ValidationError) as caught:
        make_settings(**values)
    return {str(error["loc"][0]): error["msg"] for error in caught.value.errors()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example", ["https://a.example"]),
        ("https://a.example, https://b.example", ["https://a.example", "https://b.example"]),
        ('["https://a.example"]', ["https://a.example"]),
        ("http://[::1]:3000", ["http://[::1]:3000"]),
        ("[]", []),
    ],
)
def test_a_list_is_read_from_comma_separated_text_or_a_json_array(
    text: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", text)

    assert make_settings().cors_origins == expected


@pytest.mark.parametrize("text", ["[::1],localhost", "localhost, [::1]", '["[::1]", "LOCALHOST"]'])
def test_an_ipv6_address_in_brackets_is_not_read_as_a_json_array(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", text)

    assert set(make_settings().allowed_hosts) == {"[::1]", "localhost"}


def test_an_ipv4_mapped_network_is_converted_to_ipv4() -> None:
    assert make_settings(trusted_proxies=["::ffff:10.0.0.0/104"]).trusted_proxies == ["10.0.0.0/8"]


@pytest.mark.parametrize("host", ["::", "0.0.0.0", "localhost", "fe80::1", "my-host_1.internal"])
def test_host_accepts_an_address_or_a_name(host: str) -> None:
    assert make_settings(host=host).host == host


def test_an_empty_variable_has_the_default_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")

    assert make_settings().port == 8000


@pytest.mark.parametrize(
    ("environment", "expected"), [("development", True), ("staging", True), ("production", False)]
)
def test_docs_are_enabled_by_default_outside_production(
    environment: str, *, expected: bool
) -> None:
    assert make_settings(environment=environment).docs_enabled is expected


def test_docs_can_be_enabled_in_production() -> None:
    assert make_settings(docs_enabled=True).docs_enabled


def test_repr_does_not_contain_the_database_password() -> None:
    url = FORM.replace("password", "hunter2").replace("path", "hunter2")

    assert "hunter2" not in repr(make_settings(database_url=url))


@pytest.mark.error_path
def test_the_default_environment_is_production() -> None:
    assert make_settings().environment == "production"


@pytest.mark.error_path
def test_all_invalid_settings_are_reported_together() -> None:
    found = problems(
        environment="production",
        database_url="mysql://localhost/app",
        debug=True,
        cors_origins=["*"],
        allowed_hosts=["*"],
        port=0,
    )

    assert found.keys() == {"database_url", "debug", "cors_origins", "allowed_hosts", "port"}


@pytest.mark.error_path
def test_all_missing_settings_are_reported_together() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None)

    assert {str(error["loc"][0]) for error in caught.value.errors()} == set(required_settings())


@pytest.mark.error_path
def test_the_error_message_does_not_contain_the_value() -> None:
    assert "hunter2" not in problems(database_url="mysql://user:hunter2@host/db")["database_url"]


@pytest.mark.error_path
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("environment", "prod"),
        ("workers", 0),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("db_pool_size", 0),
        ("db_pool_size", 10_001),
        ("db_max_overflow", 10_001),
        ("db_pool_timeout", 0),
        ("max_body_bytes", 1),
        ("cors_origins", ["https://a.example/path"]),
        ("cors_origins", ["a.example"]),
        ("cors_origins", '["https://a.example"'),
        ("cors_origins", ["https://App.Example.com"]),
        ("cors_origins", ["HTTPS://a.example"]),
        ("cors_origins", ["https://b.example:443"]),
        ("cors_origins", ["http://b.example:80"]),
        ("cors_origins", ["https://b.example:99999"]),
        ("cors_origins", ["https://user@b.example"]),
        ("cors_origins", ["https://b.example/"]),
        ("cors_origins", ["https://münchen.example"]),
        ("cors_origins", ["https://"]),
        ("cors_origins", ["null"]),
        ("cors_origins", ["https://[::0001]"]),
        ("cors_origins", ["https://127.1"]),
        ("cors_origins", ["https://010.0.0.1"]),
        ("cors_origins", ["https://a.0x7f"]),
        ("allowed_hosts", []),
        ("allowed_hosts", " , "),
        ("allowed_hosts", ["https://a.example"]),
        ("allowed_hosts", ["a.*.example"]),
        ("allowed_hosts", ["example.com:8080"]),
        ("allowed_hosts", [".example.com"]),
        ("allowed_hosts", ["::1"]),
        ("allowed_hosts", ["[localhost]"]),
        ("allowed_hosts", ["a b"]),
        ("allowed_hosts", ["*."]),
        ("allowed_hosts", [""]),
        ("trusted_proxies", ["everyone"]),
        ("trusted_proxies", ["10.0.0.0/33"]),
        ("host", "[::]"),
        ("host", "0.0.0.0:80"),
        ("host", "a/b"),
        ("root_path", "api"),
        ("root_path", "/api/"),
        ("root_path", "/a?b"),
        ("root_path", "/"),
        ("rate_limit_default", "0/minute"),
        ("rate_limit_default", "often"),
        ("rate_limit_default", "5/minute; 100/hour"),
        ("app_name", "   "),
        ("app_name", "My\nAPI"),
    ],
)
def test_an_invalid_value_is_rejected(name: str, value: object) -> None:
    assert name in problems(**{name: value})


def test_production_warns_if_https_redirect_is_not_set() -> None:
    assert "https_redirect_unset" in dict(make_settings(environment="production").warnings())


@pytest.mark.parametrize("value", [True, False])
def test_production_does_not_warn_if_https_redirect_is_set(*, value: bool) -> None:
    settings = make_settings(environment="production", https_redirect=value)

    assert "https_redirect_unset" not in dict(settings.warnings())


def test_development_has_no_warnings() -> None:
    assert dict(example_settings().warnings()) == {}


@pytest.mark.parametrize("changes", [{"workers": 1}, {"workers": 2, "rate_limit_enabled": False}])
def test_one_worker_or_disabled_rate_limits_cause_no_warning(changes: dict[str, Any]) -> None:
    assert dict(example_settings(**changes).warnings()) == {}
