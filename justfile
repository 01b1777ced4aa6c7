# Development tasks of the template itself. `uv run just` lists them.

[private]
default:
    @just --list

# Everything CI runs
check:
    ruff format --check
    ruff check
    mypy
    pytest --verbose --durations=15

# Format, and fix what can be fixed
fmt:
    ruff format
    ruff check --fix
