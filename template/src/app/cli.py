"""The command line: `app dev`, `app serve`, `app db …`, `app openapi`.

Imports stand inside the commands, so that each loads only what it needs.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from dotenv import dotenv_values
from pydantic import ValidationError

if TYPE_CHECKING:
    from app.config import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
db = typer.Typer(no_args_is_help=True, help="Migrations.")
app.add_typer(db, name="db")


@app.command()
def dev(port: Annotated[int, typer.Option(min=1, max=65535)] = 8000) -> None:
    """Run a reloading server on 127.0.0.1, migrated, with a database of its own if need be."""
    from app.core import migrations, server
    from app.core.logging import configure_logging
    from app_dev.env_file import make_env_file

    if make_env_file(Path()):
        typer.echo("Made .env with fresh secrets; git ignores it.")
    os.environ.setdefault("ENVIRONMENT", "development")
    os.environ.setdefault("LOG_FORMAT", "console")
    with _development_database():
        settings = _load_settings()
        configure_logging(settings)
        migrations.upgrade(settings)
        typer.echo(f"Serving http://127.0.0.1:{port}/docs")
        server.develop(port)


@app.command()
def serve() -> None:
    """Run the production server: `HOST`, `PORT`, `WORKERS`."""
    from app.core import server
    from app.core.logging import configure_logging

    settings = _load_settings()
    configure_logging(settings)
    server.serve(settings)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document as JSON; needs no settings and no database."""
    from app.config import DATABASE_URL_FORM, Settings
    from app.main import create_app

    settings = Settings(_env_file=None, environment="development", database_url=DATABASE_URL_FORM)
    typer.echo(json.dumps(create_app(settings).openapi(), indent=2))


@db.command()
def upgrade(revision: str = "head") -> None:
    """Apply the migrations that the database lacks."""
    from app.core import migrations

    with _development_database():
        migrations.upgrade(_load_settings(), revision)


@db.command()
def downgrade() -> None:
    """Go one revision back."""
    from app.core import migrations

    with _development_database():
        migrations.downgrade(_load_settings())


@db.command()
def revision(message: Annotated[str, typer.Option("--message", "-m")]) -> None:
    """Write a migration for what has changed in the models."""
    from app.core import migrations

    with _migrated_scratch_database() as settings:
        migrations.revision(settings, message)


@db.command()
def check() -> None:
    """Exit 1 where the models differ from what the migrations build."""
    from app.core import migrations

    with _migrated_scratch_database() as settings:
        difference = migrations.difference(settings)
    if difference:
        _fail(f"The models and the migrations differ: {difference}\nRun: app db revision -m '…'")
    typer.echo("The models and the migrations agree.")


def main() -> None:
    """Run a command; what is wrong around it is an error to read, not a traceback."""
    from app.core.errors import AppError

    try:
        app()
    except (AppError, OSError) as exc:
        sys.exit(" ".join(str(part) for part in (exc, exc.__cause__) if part))
    except ModuleNotFoundError as exc:
        if exc.name is None or not exc.name.startswith("app_dev"):
            raise
        sys.exit("This command is for development: run it in a checkout, after `uv sync`.")


@contextmanager
def _development_database() -> Iterator[None]:
    """Where no database is configured, and only in development, bring one of our own."""
    environment = _configured("ENVIRONMENT")
    if environment == "development" and not _configured("DATABASE_URL"):
        from app_dev.database import kept_database

        with kept_database() as url:
            os.environ["DATABASE_URL"] = url
            yield
    else:
        yield


@contextmanager
def _migrated_scratch_database() -> Iterator["Settings"]:
    """Settings that name an empty database with every migration applied, gone afterwards."""
    from app.config import Settings
    from app.core import migrations
    from app_dev.database import scratch_database

    with scratch_database(_configured("DATABASE_URL")) as url:
        settings = Settings(_env_file=None, environment="development", database_url=url)
        migrations.upgrade(settings)
        yield settings


def _configured(name: str) -> str | None:
    return os.environ.get(name) or dotenv_values(".env").get(name)


def _load_settings() -> "Settings":
    """The settings, or a list of what is wrong with them and exit code 1."""
    from app.config import get_settings

    try:
        return get_settings()
    except ValidationError as exc:
        problems = [f"  {str(error['loc'][0]).upper()}: {error['msg']}" for error in exc.errors()]
        _fail("\n".join(["The settings are not valid:", *problems]))


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
