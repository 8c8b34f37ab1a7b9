"""Schema versions: Alembic migrations, run in this process and without an ini file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from alembic.config import Config

# The newest migration in `migrations/versions`; a test holds the two together. Knowing it here
# keeps Alembic (a fifth of a second) out of every start that has nothing to migrate.
HEAD = "0004"
_KNOWN = ("0001", "0002", "0003", "0004")
_LOCK_ID = 0x746F7770617468  # "towpath", for PostgreSQL's advisory lock


def migrate(engine: sa.Engine, name: str) -> None:
    """Upgrade the schema to `HEAD` in one transaction, one process at a time."""
    if _current(engine, name) == HEAD:
        return
    from alembic import command  # noqa: PLC0415 -- slow to import, needed once in a database's life

    with engine.connect() as connection:
        connection.execution_options(writes=True)
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_ID)))
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def require_current(engine: sa.Engine, name: str) -> None:
    """Refuse a database whose schema is not `HEAD`."""
    current = _current(engine, name)
    if current != HEAD:
        raise UsageError(
            f"the database {name} has schema {current or 'none'}, and this program needs {HEAD}",
            remedy="Migrate it first.",
        )


def alembic_config() -> Config:
    """Return Alembic's configuration for the migrations in this package."""
    from alembic.config import Config  # noqa: PLC0415 -- see `migrate`

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _current(engine: sa.Engine, name: str) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        current = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if current is not None and current not in _KNOWN:
        raise UsageError(
            f"the database {name} was written by a newer Towpath (schema {current})",
            remedy=f"This program knows schemas up to {HEAD}: upgrade it, or open an older copy.",
            schema=str(current),
        )
    return current
