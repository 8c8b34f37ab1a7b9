"""Column types that mean the same on SQLite and PostgreSQL: exact times, byte-ordered text, JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from towpath.core.clock import from_micros, to_micros
from towpath.core.digests import canonical_json

if TYPE_CHECKING:
    from datetime import datetime

# PostgreSQL sorts text by the database's locale unless told; SQLite always by bytes.
Word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# SQLite makes only `INTEGER PRIMARY KEY` an alias of its row id.
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Moment(sa.TypeDecorator["datetime"]):
    """A UTC time as whole microseconds since 1970: exact, compact and sorted on every backend."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        """Turn an aware time into microseconds."""
        del dialect
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        """Turn microseconds into an aware time."""
        del dialect
        return None if value is None else from_micros(value)


class Json(sa.TypeDecorator[Any]):
    """A JSON value as its canonical text, so that equal values are equal rows and digests hold."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: sa.Dialect) -> str | None:
        """Encode canonically."""
        del dialect
        return None if value is None else canonical_json(value).decode()

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        """Decode."""
        del dialect
        return None if value is None else msgspec.json.decode(value)
