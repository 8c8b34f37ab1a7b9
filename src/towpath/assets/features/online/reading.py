"""The read path: entities to keys, one look-up of the store, rows to values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from towpath.assets.features.online.answer import OnlineRows
from towpath.assets.features.online.opened import Opened
from towpath.assets.features.online.table import decode_table
from towpath.core.errors import Conflict, InvalidRequest, NotFound, Withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from towpath.assets.features.online.answer import Looked
    from towpath.assets.features.online.opened import Pick, TableQuery
    from towpath.storage.keys import Keyring
    from towpath.storage.online import OnlineStore

_ATTEMPTS = 32  # each table that has a new generation takes one
_PLANS_KEPT = 256


class _Plan(NamedTuple):
    """How a selection of tables is asked: each entity is encoded once, whoever looks it up.

    Attributes:
        entities: The columns that hold each entity, and a table whose keys it has.
        members: For each table the entity's place in `entities`, and the features that are wanted.
    """

    entities: list[tuple[tuple[str, ...], Opened]]
    members: list[tuple[int, Opened, Pick]]


class OnlineReader:
    """Looks entities up in the tables of a store. Thread-safe.

    It needs nothing but the store: every table says what its rows mean, and is asked again when
    another generation answers.

    Args:
        store: Where the rows are.
        keyring: Hashes subjects.
        withdrawn: Returns the keyed hashes of subjects who have withdrawn; called on each look-up.
    """

    def __init__(
        self, store: OnlineStore, keyring: Keyring, withdrawn: Callable[[], frozenset[str]]
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._withdrawn = withdrawn
        self._opened: dict[str, Opened] = {}
        self._plans: dict[tuple[TableQuery, ...], _Plan] = {}

    @property
    def waits(self) -> bool:
        """Whether a look-up waits for a network."""
        return self._store.waits

    def open(self, view: str) -> Opened:
        """Return a view's table as it was last seen.

        Raises:
            NotFound: The view has no online rows.
        """
        return self._opened.get(view) or self.refresh(view)

    def refresh(self, view: str) -> Opened:
        """Look at a table again, and let go of files that it has left behind."""
        head = self._store.head(view)
        if head is None:
            self._opened.pop(view, None)
            raise NotFound(
                f"feature view {view!r} has no online rows",
                remedy="Materialise it: towpath feature materialize, or apply its project.",
                kind="feature view",
                name=view,
            )
        opened = self._opened.get(view)
        table = decode_table(head.body)
        if opened is None or opened.generation != head.generation or opened.table != table:
            opened = self._opened[view] = Opened(head.generation, table)
        return opened

    def known(self) -> list[str]:
        """Return the tables that were opened."""
        return list(self._opened)

    def look_up(
        self, queries: tuple[TableQuery, ...], columns: Mapping[str, Sequence[Any]], *, at_us: int
    ) -> OnlineRows:
        """Return what is known of each entity at a moment.

        Args:
            queries: The look-ups; one round trip serves them all.
            columns: The entities by column, all of one length; others are passed through.
            at_us: The moment by which the time to live is judged.

        Raises:
            NotFound: A table, feature or column is missing.
            InvalidRequest: Columns differ in length, or a value is not of its column's type.
            Withdrawn: A row is about a subject that has withdrawn.
            Conflict: A table was replaced again and again.
        """
        count = _count(columns)
        for _ in range(_ATTEMPTS):
            plan = self._plans.get(queries) or self._planned(queries)
            keys = [self._keys(opened, by, columns) for by, opened in plan.entities]
            asked = [(opened.view, keys[place]) for place, opened, _ in plan.members]
            looked: list[Looked] = []
            for (_, opened, pick), found in zip(plan.members, self._store.read(asked), strict=True):
                if found.generation != opened.generation:
                    self.refresh(opened.view)
                    self._plans.pop(queries, None)
                    break
                looked.append(opened.read(pick, found.values, at_us))
            else:
                return OnlineRows(count=count, entities=columns, looked=looked)
        raise Conflict(
            "the online tables changed faster than they can be read", remedy="Try again."
        )

    def _planned(self, queries: tuple[TableQuery, ...]) -> _Plan:
        """Work out once what does not change from look-up to look-up."""
        entities: dict[object, tuple[int, tuple[str, ...], Opened]] = {}
        members: list[tuple[int, Opened, Pick]] = []
        for query in queries:
            opened = self.open(query.view)
            by = query.by or opened.entity
            alike = (by, opened.kinds, opened.subject)
            place, _, _ = entities.setdefault(alike, (len(entities), by, opened))
            members.append((place, opened, opened.pick(query)))
        if len(self._plans) >= _PLANS_KEPT:  # callers may think of any selection
            self._plans.clear()
        plan = _Plan([(by, opened) for _, by, opened in entities.values()], members)
        self._plans[queries] = plan
        return plan

    def _keys(
        self, opened: Opened, by: Sequence[str], columns: Mapping[str, Sequence[Any]]
    ) -> list[bytes]:
        for name in by:
            if name not in columns:
                raise NotFound.named("entity column", name, columns)
        entities = [columns[name] for name in by]
        if opened.subject[0] is not None:
            self._refuse_withdrawn(opened, entities)
        return opened.keys(entities)

    def _refuse_withdrawn(self, opened: Opened, entities: Sequence[Sequence[Any]]) -> None:
        place, field, hashed = opened.subject
        if place is None or field is None:
            return
        withdrawn = self._withdrawn()
        if not withdrawn:
            return
        for row, value in enumerate(entities[place]):
            if not isinstance(value, str):
                continue
            if (value if hashed else self._keyring.subject_hash(field, value)) in withdrawn:
                raise Withdrawn(
                    f"the subject of row {row} has withdrawn",
                    remedy="Leave the row out; nothing was looked up.",
                    row=row,
                )


def _count(columns: Mapping[str, Sequence[Any]]) -> int:
    """Return how many rows ask."""
    if not columns:
        return 0
    (first, values), *others = columns.items()
    for name, more in others:
        if len(more) != len(values):
            raise InvalidRequest(
                f"the column {first!r} has {len(values)} rows, and {name!r} has {len(more)}",
                remedy="Send one value per row in each.",
            )
    return len(values)
