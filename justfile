# Recipes for people; CI calls the same commands.

default: check test

# Lint, format, types and import contracts.
check:
    uv run ruff check .
    uv run ruff format --check .
    uv run pyright
    uv run lint-imports

# Mend what can be mended without thought.
mend:
    uv run ruff check --fix .
    uv run ruff format .

test *ARGS:
    uv run pytest {{ARGS}}

demo *ARGS:
    uv run towpath demo {{ARGS}}

bench *ARGS:
    uv run python -m benchmarks {{ARGS}}

# Pin every version that resolves today, by name and number only: no lock file, no addresses.
pin:
    uv run python scripts/pin.py

# Write the synchronous client from the asynchronous one.
client:
    uv run python scripts/write_client.py

# The page in development: needs `towpath up` running beside it.
ui:
    cd ui && npm run dev

# Write the API's document and the types that the pages are checked against.
ui-types:
    uv run python -m towpath.server.document ui/openapi.json
    cd ui/tools && npm install --ignore-scripts && npm run types

# Types, tests and lint of the pages.
ui-check:
    cd ui && npm ci --ignore-scripts && npm run check && npm test
    cd ui/tools && npm install --ignore-scripts && npm run lint
