# Development tasks of the template itself. `uv run just` lists them.

[private]
default:
    @just --list

# Everything CI runs
check:
    pytest --matrix=core --verbose --durations=15

# Render a project with everything switched on into .view/: just view orm=tortoise
view *answers:
    rm -rf .view
    copier copy --trust --skip-tasks --defaults --quiet --vcs-ref HEAD \
        --data redis=true --data websockets=true --data worker=true \
        {{ prepend('--data ', answers) }} . .view
    @echo "Rendered into .view"

# Format, and fix what can be fixed
fmt:
    ruff format
    ruff check --fix
