"""Find external PostgreSQL and Redis servers, and create roles and databases for tests."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from tests.support.options import Answers


@cache
def real_postgres() -> str | None:
    """Return TEST_DATABASE_URL, or the URL of a PostgreSQL server on this machine, or None."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        return url
    local = "postgresql://postgres@127.0.0.1/postgres"
    try:
        psycopg.connect(local, connect_timeout=3).close()
    except psycopg.OperationalError:
        return None
    return local


@cache
def real_redis() -> str | None:
    """Return TEST_REDIS_URL, or the URL of a Redis server on this machine, or None."""
    if url := os.environ.get("TEST_REDIS_URL"):
        return url
    local = "redis://127.0.0.1"
    try:
        with redis.Redis.from_url(local, socket_timeout=3) as client:
            client.ping()
    except redis.RedisError:
        return None
    return local


@contextmanager
def role(server: str) -> Iterator[str]:
    """Create a PostgreSQL role that may create databases, and yield the URL to connect as the role.

    When the context exits, the role is dropped. The test fails if the role then owns a database.
    """
    name, password = f"copier_test_{secrets.token_hex(4)}", secrets.token_hex(16)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN CREATEDB PASSWORD '{password}'".encode())
        try:
            parts = urlsplit(server)
            host = parts.netloc.rpartition("@")[2]
            yield parts._replace(netloc=f"{name}:{password}@{host}").geturl()
        finally:
            query = "SELECT datname FROM pg_database WHERE datdba = %s::regrole"
            left = [str(row[0]) for row in admin.execute(query, [name])]
            for database in left:
                admin.execute(f'DROP DATABASE "{database}" WITH (FORCE)'.encode())
            admin.execute(f"DROP ROLE {name}".encode())
    assert left == []


@contextmanager
def database(answers: Answers, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database. A PostgreSQL database is dropped at the end."""
    if answers["database"] == "sqlite":
        yield f"sqlite:///{folder / 'live.db'}"
        return
    server = real_postgres()
    if server is None:
        pytest.skip("No PostgreSQL server was found. Set TEST_DATABASE_URL.")
    with role(server) as url:
        name = urlsplit(url).username
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(f"CREATE DATABASE {name}".encode())
            try:
                yield urlsplit(url)._replace(path=f"/{name}").geturl()
            finally:
                owner.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
