"""Many values in one parameter, so that a statement reads the same however many there are.

An `IN` list is another statement for every length of it: SQLAlchemy spells it out, PostgreSQL parses and
plans it anew (a millisecond or two for eighty values), and no prepared plan is ever met again. So a list
goes as one value: an array on PostgreSQL, its JSON on SQLite. Such statements are built once, and need no
cutting into pieces.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.type_api import TypeEngine

    from towpath.core.refs import Ref

_NUMBERED = ("kind", "name", "number")


class _Values(sa.TypeDecorator["Collection[Any]"]):
    """Values of one type as one parameter."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, *, words: bool) -> None:
        super().__init__()
        self.words = words

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """Return what the database takes."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(sa.ARRAY(sa.Text if self.words else sa.BigInteger))

    def process_bind_param(self, value: Collection[Any] | None, dialect: sa.Dialect) -> Any:
        """Return the list, as the database takes it."""
        values = list(value or ())
        return values if dialect.name == "postgresql" else json.dumps(values)


class _Among(FunctionElement[bool]):
    """Whether a column has one of the values of a parameter."""

    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: object = None) -> Self:
        """Return it as it is: compared with 1, as SQLAlchemy would, it would find no index."""
        del against
        return self


@compiles(_Among)
def _in_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608  a column and a mark for its values


@compiles(_Among, "postgresql")
def _in_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} = ANY ({values})"


class _Numbered(FunctionElement[Any]):
    """A table of references with a number, from a parameter."""

    inherit_cache = True


@compiles(_Numbered)
def _from_json(element: _Numbered, compiler: SQLCompiler, **options: Any) -> str:
    (rows,) = (compiler.process(one, **options) for one in element.clauses)
    named = [f"json_extract(value, '$[{at}]') AS {name}" for at, name in enumerate(_NUMBERED)]
    return f"(SELECT {', '.join(named)} FROM json_each({rows}))"  # noqa: S608  our names and a mark


@compiles(_Numbered, "postgresql")
def _from_array(element: _Numbered, compiler: SQLCompiler, **options: Any) -> str:
    (rows,) = (compiler.process(one, **options) for one in element.clauses)
    each = f"json_array_elements(CAST({rows} AS JSON)) AS given(value)"
    named = [f"value ->> {at} AS {name}" for at, name in enumerate(_NUMBERED[:2])]
    named.append(f"(value ->> 2)::BIGINT AS {_NUMBERED[2]}")
    return f"(SELECT {', '.join(named)} FROM {each})"  # noqa: S608  our names and a mark


def among(column: sa.ColumnElement[Any], parameter: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column of text or whole numbers has one of a parameter's values."""
    return _Among(column, sa.bindparam(parameter, type_=_Values(words=_is_text(column))))


def numbered(parameter: str) -> sa.TableValuedAlias:
    """Return a table of what a parameter's references name: `kind`, `name` and `number`.

    The parameter is what `rows_of` makes of them.
    """
    rows = sa.bindparam(parameter, type_=sa.Text)
    columns = [
        sa.column(name, sa.BigInteger if name == "number" else sa.Text) for name in _NUMBERED
    ]
    return _Numbered(rows).table_valued(*columns, name="given")


def rows_of(refs: Iterable[Ref]) -> str:
    """Return references as the value of a parameter; those without a number are left out."""
    return json.dumps(sorted({(r.kind, r.name, r.version) for r in refs if r.version is not None}))


def _is_text(column: sa.ColumnElement[Any]) -> bool:
    return isinstance(column.type, sa.String)


__all__ = ["among", "numbered", "rows_of"]
