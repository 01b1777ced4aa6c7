"""The command line of `just feature`."""

import signal
import sys
from typing import Annotated

import typer

from app.core.database.models import Entity
from app.core.errors import AppError
from app_dev.feature import project
from app_dev.feature.grammar import Feature, FeatureError, Options, check_name, parse_feature
from app_dev.feature.migration import migration
from app_dev.feature.questions import ask
from app_dev.feature.remove import files_to_remove, removed
from app_dev.feature.write import placed, refuse_existing, render

HELP = """Write a feature: routes, schemas, service, repository, model, migration and tests.

A field is FIELD:TYPE[:MODIFIER…][=DEFAULT], for example 'title:str(200):search:sort'.

Types: str, str(N), text, int, float, decimal, decimal(P,S), bool, date, datetime, uuid, json,
enum(a,b,c), ref(feature). Modifiers: optional, unique, index, min(N), max(N), search, sort.

Without arguments, the command asks for a name and fields.
"""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(help=HELP)
def feature(  # noqa: PLR0913 - typer reads the options from the parameters
    name: Annotated[str | None, typer.Argument(help="Singular, in snake case.")] = None,
    fields: Annotated[list[str] | None, typer.Argument(metavar="FIELD…")] = None,
    *,
    plural: Annotated[str | None, typer.Option(help="The plural, if it is not NAME + s.")] = None,
    public: Annotated[bool, typer.Option("--public", help="Rows belong to nobody.")] = False,
    no_events: Annotated[bool, typer.Option("--no-events", help="Announce no changes.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Cache no rows.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the feature.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the paths only.")] = False,
) -> None:
    if name is None:
        name, fields, asked = ask()
        plural, public = asked.plural, asked.public
    options = Options(plural, public, not no_events, not no_cache)
    if remove:
        _remove(name, dry_run=dry_run)
    else:
        _write(_parse(name, fields or [], options), dry_run=dry_run)


def _parse(name: str, fields: list[str], options: Options) -> Feature:
    return parse_feature(
        name,
        fields,
        options,
        lambda target: project.find_target(project.ROOT, target),
        lambda field: hasattr(Entity, field),
    )


def _write(feature: Feature, *, dry_run: bool) -> None:
    files = render(project.ROOT, feature)
    refuse_existing(project.ROOT, feature, files)
    if dry_run:
        typer.echo("\n".join(["These files would be written:", *files, "migrations/versions/…"]))
        return
    with migration(project.ROOT) as make_migration, placed(project.ROOT, files):
        revision = make_migration(f"add {feature.labels}")
    for path in (*files, revision):
        typer.echo(f"wrote {path}")
    typer.echo("Review the migration, then run: uv run just check")


def _remove(name: str, *, dry_run: bool) -> None:
    check_name(name, f"{name}s")
    folder = project.find_folder(project.ROOT, name)
    arguments = project.recorded_arguments(project.ROOT, folder) if folder else None
    if arguments is None:
        raise FeatureError(f"{name}: `just feature` wrote no feature with this name")
    feature = _recorded(arguments)
    files = files_to_remove(project.ROOT, feature)
    if dry_run:
        typer.echo("\n".join(["These files would be removed:", *files]))
        return
    with migration(project.ROOT) as make_migration, removed(project.ROOT, files):
        revision = make_migration(f"drop {feature.labels}")
    for path in files:
        typer.echo(f"removed {path}")
    typer.echo(f"wrote {revision}")


def _recorded(arguments: list[str]) -> Feature:
    """Parse the arguments that the feature's `__init__.py` records."""
    name, *rest = arguments
    fields = [argument for argument in rest if not argument.startswith("--")]
    plurals = [argument for argument in rest if argument.startswith("--plural=")]
    options = Options(
        plurals[0].partition("=")[2] if plurals else None,
        "--public" in rest,
        "--no-events" not in rest,
        "--no-cache" not in rest,
    )
    return _parse(name, fields, options)


def main() -> None:
    """Run the command. An error that the user can correct is one line, without a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        app()
    except (FeatureError, AppError, OSError) as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
