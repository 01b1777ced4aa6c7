"""Types and validators for settings that are written as text, such as lists and rates."""

import ipaddress
import json
import re
from typing import Annotated, Any

import limits
from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, StringConstraints
from pydantic_settings import NoDecode

HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?\Z",
    re.IGNORECASE,
)


def is_host(text: str) -> bool:
    """Return whether the text is a host name or an IP address without brackets."""
    return bool(HOST_NAME.match(text)) or is_address(text)


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def split_list(value: Any) -> Any:
    """Convert `a, b` or the JSON array `["a", "b"]` to a list.

    `[::1]` is an IPv6 address, not a JSON array.
    """
    if not isinstance(value, str):
        return value
    if re.match(r"\s*\[\s*(\"|\])", value):
        try:
            return json.loads(value)
        except json.JSONDecodeError as exc:
            raise ValueError("should be comma-separated or a JSON array") from exc
    return [part.strip() for part in value.split(",") if part.strip()]


def is_origin(text: str) -> bool:
    """Return whether the text is an origin as browsers write it.

    Browsers send the scheme and host in lower case, without a default port (RFC 6454, section 6.2).
    """
    try:
        url = AnyHttpUrl(text)  # pydantic normalizes the URL, as browsers do.
    except ValueError:
        return False
    host = (url.host or "").strip("[]")
    return str(url) == f"{text}/" and "@" not in text and url.port != 0 and is_host(host)


def check_origin(origin: str) -> str:
    if origin != "*" and not is_origin(origin):
        raise ValueError(
            "should be `*` or an origin as browsers send it, such as https://example.com: in lower"
            " case, without a default port, user name or path"
        )
    return origin


def check_host(host: str) -> str:
    """Validate a host name or address without a port, or a pattern such as `*.example.com`."""
    name = host.removeprefix("*.")
    if host == "*":
        return host
    if host.startswith("[") and host.endswith("]"):
        valid = ":" in host and is_host(host[1:-1])
    else:
        valid = is_host(name) and ":" not in name and name.isascii()
    if not valid:
        raise ValueError(
            "should be a host name, an IPv4 address, an IPv6 address in brackets such as [::1],"
            " `*.example.com` or `*`; without a port"
        )
    return host.lower()


def check_network(network: str) -> str:
    """Normalize an IP network. IPv4-mapped IPv6 networks are converted to IPv4 networks."""
    parsed = ipaddress.ip_network(network, strict=False)
    if isinstance(parsed, ipaddress.IPv6Network) and parsed.prefixlen >= 96:
        mapped = parsed.network_address.ipv4_mapped
        if mapped:
            return f"{mapped}/{parsed.prefixlen - 96}"
    return str(parsed)


def check_bind_address(host: str) -> str:
    if not is_host(host):
        raise ValueError("should be a host name or an address, without brackets and port")
    return host


def check_root_path(path: str) -> str:
    if path and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path):
        raise ValueError("should be empty or begin, but not end, with a slash, such as /prefix")
    return path


def check_rate(rate: str) -> str:
    rates = limits.parse_many(rate)
    if len(rates) != 1:
        raise ValueError("should be exactly one rate, such as 5/minute")
    if rates[0].amount < 1:
        raise ValueError("must allow at least one request")
    return rate


def to_lower_case(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


List = BeforeValidator(split_list)
Lowered = BeforeValidator(to_lower_case)
Origins = Annotated[list[Annotated[str, AfterValidator(check_origin)]], NoDecode, List]
Hosts = Annotated[list[Annotated[str, AfterValidator(check_host)]], NoDecode, List]
Networks = Annotated[list[Annotated[str, AfterValidator(check_network)]], NoDecode, List]
BindAddress = Annotated[str, AfterValidator(check_bind_address)]
RootPath = Annotated[str, AfterValidator(check_root_path)]
Rate = Annotated[str, AfterValidator(check_rate)]
Text = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$",
    ),
]
"""One line of 1 to 100 characters, at least one of which is not whitespace."""
