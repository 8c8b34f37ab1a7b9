"""Key-value labels beside a row: the same rules for assets, versions and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from towpath.core.errors import UsageError
from towpath.ledger.sql.given import among
from towpath.ledger.sql.upserts import put_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.ledger.sql.session import Session

_Owner = TypeVar("_Owner", int, str)

MAX_PARAM_CHARS = 6000
MAX_TAG_CHARS = 8000
MAX_KEY_CHARS = 250


def check_text(key: str, value: str, limit: int) -> None:
    """Refuse keys and values that are longer than every client can take."""
    if not key or len(key) > MAX_KEY_CHARS:
        raise UsageError(f"the key {key[:60]!r}… must have 1 to {MAX_KEY_CHARS} characters")
    if len(value) > limit:
        raise UsageError(
            f"the value of {key!r} has {len(value)} characters; {limit} are allowed",
            remedy="Store long text as a blob and log its digest.",
        )


def set_labels(session: Session, table: sa.Table, owner: _Owner, labels: Mapping[str, str]) -> bool:
    """Set labels of one owner; an empty value removes one. Tell whether anything changed."""
    for key, value in labels.items():
        check_text(key, value, MAX_TAG_CHARS)
    holder = table.primary_key.columns[0]
    old = labels_of(session, table, [owner]).get(owner, {}) if labels else {}
    gone = [key for key, value in labels.items() if not value and key in old]
    new = {key: value for key, value in labels.items() if value and old.get(key) != value}
    if gone:
        session.write(sa.delete(table).where(holder == owner, table.c.key.in_(gone)))
    put_all(session, table, [{holder.name: owner, "key": k, "value": v} for k, v in new.items()])
    return bool(gone or new)


def labels_of(
    session: Session, table: sa.Table, owners: Sequence[_Owner]
) -> dict[_Owner, dict[str, str]]:
    """Return the labels of many owners, by key."""
    holder = table.primary_key.columns[0]
    found: dict[_Owner, dict[str, str]] = {}
    query = sa.select(holder, table.c.key, table.c.value).where(among(holder, "owners"))
    for owner, key, value in session.rows(query.order_by(table.c.key), owners=owners):
        found.setdefault(owner, {})[key] = value
    return found
