# Development tasks of the template itself. `uv run just` lists them.

[private]
default:
    @just --list

# Run all checks that CI runs
check:
    pytest --matrix=core --verbose --durations=15

# Run one shard of all tests, and write the results to a file: just matrix 3/8 shard-3.json
matrix shard results:
    pytest --matrix=full --shard={{ shard }} --matrix-report={{ results }}

# Merge the results of all shards into docs/matrix.md: just matrix-report shard-*.json
matrix-report *results:
    python -m tests.support.matrix docs/matrix.md {{ results }}

# Render a project with all options switched on into .view/, for example: just view orm=tortoise
view *answers:
    rm -rf .view
    copier copy --trust --skip-tasks --defaults --quiet --vcs-ref HEAD \
        --data redis=true --data websockets=true --data worker=true --data telemetry=true \
        --data kubernetes=true \
        {{ prepend('--data ', answers) }} . .view
    @echo "Rendered into .view"

# Check the packages in uv.lock against the vulnerability database at https://api.osv.dev
audit-dependencies:
    uv audit --locked --preview-features audit-command

# Format the code and fix lint errors
fmt:
    ruff format
    ruff check --fix

# Record the terminal session of the README in docs/terminal.svg
record:
    uv run --script docs/record.py
