"""The `app users` commands."""

import asyncio
import os
import sys

import typer

cli = typer.Typer(no_args_is_help=True, help="Manage user accounts.")


@cli.callback()
def users() -> None:
    """Manage user accounts."""


@cli.command()
def create_admin(email: str) -> None:
    """Create an admin account.

    The password is read from the environment variable ADMIN_PASSWORD or from a prompt.
    """
    from pydantic import ValidationError

    from app.core.commands import development_servers, load_settings
    from app.core.database import Database
    from app.core.security import Passwords, Role
    from app.features.users.schemas import UserCreate
    from app.features.users.service import UserService

    password = os.environ.get("ADMIN_PASSWORD") or typer.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )
    try:
        data = UserCreate(email=email, name="Admin", password=password)
    except ValidationError as exc:
        # The input values are not printed, because they may be secrets.
        problems = [f"  {'.'.join(map(str, part['loc']))}: {part['msg']}" for part in exc.errors()]
        sys.exit("\n".join(["The admin account was not created:", *problems]))

    async def create() -> None:
        async with Database.connect(load_settings()) as database:
            await UserService(database, Passwords()).register(data, Role.ADMIN)

    with development_servers():
        asyncio.run(create())
    typer.echo(f"Created the admin account {data.email}.")
