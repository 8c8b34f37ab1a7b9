"""Finding the distinct beginnings of an index without reading the index.

`SELECT DISTINCT a FROM t` reads every row. Where an index begins with `a`, the next value is one
descent of it away from the last (a loose index scan, or skip scan), so finding them all costs as many
descents as there are values, however many rows each has. Neither database does it by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.ledger.sql.session import Query


def distinct_of(columns: Sequence[sa.Column[Any]], *where: sa.ColumnElement[bool]) -> Query:
    """Return a query for the distinct values of some columns among the rows that `where` picks.

    An index has to begin with the columns that `where` compares for equality, followed by these in
    this order. They are not null. Rows come in ascending order.

    Each column gets a recursive query of its own: the least value behind the last one, for each
    combination of those before it. A null ends such a chain.
    """
    found: sa.CTE | None = None
    for depth, column in enumerate(columns):
        found = _extended(found, columns[:depth], column, where)
    assert found is not None
    values = [found.c[column.name] for column in columns]
    return sa.select(*values).where(values[-1].is_not(None)).order_by(*values)


def _extended(
    before: sa.CTE | None,
    names: Sequence[sa.Column[Any]],
    column: sa.Column[Any],
    where: Sequence[sa.ColumnElement[bool]],
) -> sa.CTE:
    """Return each combination found so far with each value of one more column, and a null."""
    if before is None:
        first = sa.select(_least(column, *where))
    else:
        same = [one == before.c[one.name] for one in names]
        known = [before.c[one.name] for one in names]
        first = sa.select(*known, _least(column, *where, *same)).where(known[-1].is_not(None))
    chain = first.cte(f"each_{column.name}", recursive=True)
    same = [one == chain.c[one.name] for one in names]
    behind = _least(column, *where, *same, column > chain.c[column.name])
    known = [chain.c[one.name] for one in names]
    return chain.union_all(sa.select(*known, behind).where(chain.c[column.name].is_not(None)))


def _least(column: sa.Column[Any], *where: sa.ColumnElement[bool]) -> sa.Label[Any]:
    return sa.select(sa.func.min(column)).where(*where).scalar_subquery().label(column.name)
