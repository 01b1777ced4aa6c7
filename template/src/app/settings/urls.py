"""Parser for server URLs in the settings.

An error message never contains the URL, because the URL may contain a password.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?\Z",
    re.IGNORECASE,
)
ENCODE = "; percent-encode #, ?, /, @, : and % in a user name or password"


@dataclass(frozen=True, slots=True)
class ServerURL:
    """The percent-decoded parts of a server URL."""

    scheme: str
    username: str | None
    password: str | None
    hosts: tuple[tuple[str, int | None], ...]
    """Host names or addresses, each with its port or None.

    The tuple is empty if the URL has no host.
    """
    path: str
    query: dict[str, str]

    @property
    def has_one_host(self) -> bool:
        """Return whether the URL has exactly one host, and the host is not a path (Unix socket)."""
        return len(self.hosts) == 1 and not self.hosts[0][0].startswith("/")


def parse_server_url(text: str, form: str, *schemes: str) -> ServerURL:
    """Parse a server URL. If the URL is invalid, raise `ValueError` with the expected `form`."""
    if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ValueError(f"should have the form {form}")
    if not text.isprintable() or " " in text:
        raise ValueError("must not contain spaces or control characters")
    if "#" in text or re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise ValueError(f"should have the form {form}{ENCODE}")
    if "\0" in unquote(text) or not _is_utf8(text):
        raise ValueError("must percent-encode text as UTF-8, without NUL characters")
    try:
        parts = urlsplit(text)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        hosts = tuple(_parse_hosts(parts))
    except ValueError as exc:
        raise ValueError(f"should have the form {form}{ENCODE}") from exc
    if "@" in parts.query or "@" in parts.path:
        raise ValueError(f"should have the form {form}{ENCODE}")
    return ServerURL(
        parts.scheme,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        hosts,
        unquote(parts.path),
        dict(query),
    )


def refuse_unknown(names: set[str], known: frozenset[str]) -> None:
    """Raise `ValueError` if `names` contains parameters that are not in `known`."""
    if unknown := sorted(names - known):
        raise ValueError(f"has unknown parameters: {', '.join(unknown)}")


def is_host(text: str) -> bool:
    """Return whether the text is a host name or an IP address without brackets."""
    return bool(HOST_NAME.match(text)) or _is_address(text)


def _is_utf8(text: str) -> bool:
    """Return whether the percent-encoded bytes in the text are valid UTF-8."""
    try:
        unquote(text, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _parse_hosts(parts: SplitResult) -> list[tuple[str, int | None]]:
    """Return each host and port of the URL. Raise `ValueError` if a host or port is malformed."""
    listed = parts.netloc.rpartition("@")[2]
    return [parse_host(host) for host in listed.split(",")] if listed else []


def parse_host(text: str) -> tuple[str, int | None]:
    """Parse `name:port`, where the port is optional and an IPv6 address is in brackets.

    A name that begins with a slash is the directory of a Unix socket. Raise `ValueError` if the
    text is malformed.
    """
    match = re.fullmatch(r"(\[(?P<v6>[^\]]+)\]|(?P<name>[^:\[\]]*))(:(?P<port>[0-9]{1,5}))?", text)
    if match is None:
        raise ValueError("the host is malformed")
    name = unquote(match["v6"] or match["name"])
    valid = _is_address(name) if match["v6"] else is_host(name) or name.startswith("/")
    port = int(match["port"]) if match["port"] else None
    if not valid or port == 0 or (port or 1) > 65535:
        raise ValueError("the host or port is malformed")
    return name, port
