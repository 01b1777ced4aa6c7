# Development tasks of the template itself. `uv run just` lists them.

[private]
default:
    @just --list

# Everything CI runs
check:
    pytest --matrix=core --verbose --durations=15

# Format, and fix what can be fixed
fmt:
    ruff format
    ruff check --fix
