"""The `app files` commands."""

import asyncio
from typing import Annotated

import typer

cli = typer.Typer(no_args_is_help=True, help="Manage uploaded files.")


@cli.callback()
def files() -> None:
    """Manage uploaded files."""


@cli.command()
def sweep(
    force: Annotated[
        bool, typer.Option("--force", help="Delete even if the database knows no stored file.")
    ] = False,
) -> None:
    """Delete content that is older than an hour and belongs to no file."""
    from app.core.commands import development_servers, load_settings
    from app.core.database import Database
    from app.core.files import FileStore
    from app.features.files.sweep import sweep as sweep_once

    async def run() -> int:
        settings = load_settings()
        async with Database.connect(settings) as database:
            return await sweep_once(database, FileStore.open(settings), force=force)

    with development_servers():
        deleted = asyncio.run(run())
    typer.echo(f"Deleted contents: {deleted}")
