"""Test that no rows are lost when authentication is switched on or off in a project."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support.client import ADMIN, API, PASSWORD, Client, log_in
from tests.support.options import Answers
from tests.support.projects import Project, served
from tests.support.rendering import render_to
from tests.support.repositories import commit, git
from tests.support.servers import database
from tests.support.updates import update


@pytest.mark.core
def test_rows_survive_switching_auth_on_and_off(
    orm_and_database: Answers, released: Path, sync: Callable[[Path], Project], tmp_path: Path
) -> None:
    answers = {**orm_and_database, "auth": "none"}
    root = tmp_path / "my-api"
    render_to(released, root, answers)
    git(root, "init", "--quiet")
    project = sync(root)
    commit(root)
    with database(answers, tmp_path) as url:
        project.run("app", "db", "upgrade", env={"DATABASE_URL": url})
        with served(project, DATABASE_URL=url) as port, closing(Client(port)) as client:
            items = [
                client.call("POST", f"{API}/items", {"title": title})
                for title in ("Straße", "100%")
            ]

        update(root, {"auth": "jwt"})
        project = sync(root)
        variables = {"DATABASE_URL": url, "JWT_SECRET": PASSWORD * 2}
        assert "owner" in drift_report(project, variables)
        project.run("app", "db", "revision", "-m", "users", env=variables)
        project.run("app", "db", "upgrade", env=variables)
        project.run("app", "db", "check", env=variables)
        project.run(
            "app", "users", "create-admin", ADMIN, env={**variables, "ADMIN_PASSWORD": PASSWORD}
        )
        with served(project, **variables) as port, closing(Client(port)) as client:
            token = log_in(client, ADMIN)["access_token"]
            for item in items:
                assert "id" not in client.call("GET", f"{API}/items/{item['id']}")
                found = client.call("GET", f"{API}/items/{item['id']}", token=token)
                assert {**found, "owner_id": None} == {**item, "owner_id": None}
            client.call("POST", f"{API}/items", {"title": "Created by an admin"}, token=token)
        project.run("app", "db", "downgrade", env=variables)
        assert count(url, "items") == len(items) + 1
        project.run("app", "db", "upgrade", env=variables)
        project.run(
            "app", "users", "create-admin", ADMIN, env={**variables, "ADMIN_PASSWORD": PASSWORD}
        )

        commit(root)
        update(root, {"auth": "none"})
        project = sync(root)
        variables = {"DATABASE_URL": url}
        with served(project, **variables) as port, closing(Client(port)) as client:
            items.append(client.call("POST", f"{API}/items", {"title": "Created without auth"}))
        assert "users" in drift_report(project, variables)
        assert count(url, "users") == 1
        project.run("app", "db", "revision", "-m", "no users", env=variables)
        for step in ("upgrade", "downgrade", "upgrade"):
            project.run("app", "db", step, env=variables)
        project.run("app", "db", "check", env=variables)
        with served(project, **variables) as port, closing(Client(port)) as client:
            for item in items:
                assert client.call("GET", f"{API}/items/{item['id']}") == item


def drift_report(project: Project, env: dict[str, str]) -> str:
    """Return the output of `app db check`. The command must fail."""
    with pytest.raises(AssertionError) as failed:
        project.run("app", "db", "check", env=env)
    return str(failed.value)


def count(url: str, table: str) -> int:
    """Return the number of rows in a table."""
    sqlite = url.startswith("sqlite:")
    connect = sqlite3.connect(urlsplit(url).path[1:]) if sqlite else psycopg.connect(url)
    with closing(connect) as connection:
        [(number,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(number)
