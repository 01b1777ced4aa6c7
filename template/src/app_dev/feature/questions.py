"""Asks for the name and the fields of a feature in a terminal."""

import sys

import typer

from app_dev.feature import project
from app_dev.feature.grammar import (
    MODIFIERS,
    TYPES,
    FeatureError,
    Options,
    check_name,
    parse_field,
)


def ask() -> tuple[str, list[str], Options]:
    """Return the name, the fields and the options that the user typed."""
    if not sys.stdin.isatty():
        raise FeatureError("Give a name and fields, for example: just feature order 'title:str'")
    name = _ask_name("Name, singular, such as line_item")
    plural = typer.prompt("Plural", default=f"{name}s")
    typer.echo(f"A field is FIELD:TYPE[:MODIFIER…][=DEFAULT].\n  Types: {TYPES}")
    typer.echo(f"  Modifiers: {MODIFIERS}\nAn empty line ends the list.")
    fields: list[str] = []
    while spec := typer.prompt("Field", default="", show_default=False):
        try:
            parse_field(spec, lambda target: project.find_target(project.ROOT, target))
        except FeatureError as exc:
            typer.echo(exc)
        else:
            fields.append(spec)
    public = project.has_auth(project.ROOT) and typer.confirm(
        "Do all users read the same rows, which only admins change?", default=False
    )
    return name, fields, Options(None if plural == f"{name}s" else plural, public)


def _ask_name(question: str) -> str:
    while True:
        name: str = typer.prompt(question)
        try:
            check_name(name, f"{name}s")
        except FeatureError as exc:
            typer.echo(exc)
        else:
            return name
