"""The command line: `app dev`, `app serve`, `app db …`, `app openapi`.

A feature that has commands of its own brings a `cli` module. Imports stand inside the commands, so
that each loads only what it needs.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from app import features

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
db = typer.Typer(no_args_is_help=True, help="Migrations.")
app.add_typer(db, name="db")
for name, commands in features.commands():
    app.add_typer(commands, name=name)


@app.command()
def dev(port: Annotated[int, typer.Option(min=1, max=65535)] = 8000) -> None:
    """Run a reloading server on 127.0.0.1, migrated, with a database of its own if need be."""
    from app.core import migrations, server
    from app.core.commands import development_servers, load_settings
    from app.core.logging import configure_logging
    from app_dev.env_file import make_env_file

    if done := make_env_file(Path()):
        typer.echo(done)
    os.environ.setdefault("ENVIRONMENT", "development")
    os.environ.setdefault("LOG_FORMAT", "console")
    with development_servers():
        settings = load_settings()
        configure_logging(settings)
        migrations.upgrade(settings)
        typer.echo(f"Serving http://127.0.0.1:{port}/docs")
        server.develop(port)


@app.command()
def serve() -> None:
    """Run the production server: `HOST`, `PORT`, `WORKERS`."""
    from app.core import server
    from app.core.commands import load_settings
    from app.core.logging import configure_logging

    settings = load_settings()
    configure_logging(settings)
    server.serve(settings)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document as JSON; needs no settings and no database."""
    from app.config import example_settings
    from app.main import create_app

    typer.echo(json.dumps(create_app(example_settings()).openapi(), indent=2))


@db.command()
def upgrade(revision: str = "head") -> None:
    """Apply the migrations that the database lacks."""
    from app.core import migrations
    from app.core.commands import development_servers, load_settings
    from app.core.logging import configure_logging

    with development_servers():
        settings = load_settings()
        configure_logging(settings)
        migrations.upgrade(settings, revision)


@db.command()
def downgrade() -> None:
    """Go one revision back."""
    from app.core import migrations
    from app.core.commands import development_servers, load_settings
    from app.core.logging import configure_logging

    with development_servers():
        settings = load_settings()
        configure_logging(settings)
        migrations.downgrade(settings)


@db.command()
def revision(message: Annotated[str, typer.Option("--message", "-m")]) -> None:
    """Write a migration for what has changed in the models."""
    from app.core import migrations
    from app.core.commands import migrated_scratch_database

    with migrated_scratch_database() as settings:
        migrations.revision(settings, message)


@db.command()
def check() -> None:
    """Exit 1 where the models differ from what the migrations build."""
    from app.core import migrations
    from app.core.commands import fail, migrated_scratch_database

    with migrated_scratch_database() as settings:
        difference = migrations.difference(settings)
    if difference:
        fail(f"The models and the migrations differ:\n{difference}\nRun: app db revision -m '…'")
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
