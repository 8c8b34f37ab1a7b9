"""How a selection of tables is asked: what does not depend on who asks is worked out once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from towpath.assets.features.online.answer import OnlineRows
from towpath.core.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from towpath.assets.features.online.answer import Looked
    from towpath.assets.features.online.opened import Opened, Pick, TableQuery
    from towpath.storage.online import Found


class Member(NamedTuple):
    """One table of a plan.

    Attributes:
        view: The table.
        place: Which of the plan's entities it is asked for.
        opened: The table as of one generation.
        pick: The features that are wanted.
    """

    view: str
    place: int
    opened: Opened
    pick: Pick


class Plan:
    """A selection of tables as of one generation each. Immutable, thread-safe.

    Tables that share an entity share its keys: each entity is encoded once, whoever looks it up.
    """

    __slots__ = ("_entities", "_members")

    def __init__(self, queries: Iterable[TableQuery], open_table: Callable[[str], Opened]) -> None:
        entities: dict[object, tuple[int, tuple[str, ...], Opened]] = {}
        members: list[Member] = []
        for query in queries:
            opened = open_table(query.view)
            by = query.by or opened.entity
            alike = (by, opened.kinds, opened.subject)
            place, _, _ = entities.setdefault(alike, (len(entities), by, opened))
            members.append(Member(opened.view, place, opened, opened.pick(query)))
        self._entities = [(by, opened) for _, by, opened in entities.values()]
        self._members = members

    def asked(
        self,
        columns: Mapping[str, Sequence[Any]],
        refuse_withdrawn: Callable[[Opened, Sequence[Sequence[Any]]], None],
    ) -> list[tuple[str, list[bytes]]]:
        """Return the keys to look up in each table.

        Args:
            columns: The entities by column, all of one length.
            refuse_withdrawn: Called for tables whose entities are subjects.

        Raises:
            NotFound: A column is missing.
            InvalidRequest: A value is not of its column's type.
        """
        keys: list[list[bytes]] = []
        for by, opened in self._entities:
            for name in by:
                if name not in columns:
                    raise NotFound.named("entity column", name, columns)
            entities = [columns[name] for name in by]
            if opened.of_subjects:
                refuse_withdrawn(opened, entities)
            keys.append(opened.keys(entities))
        return [(view, keys[place]) for view, place, _, _ in self._members]

    def read(
        self,
        found: Sequence[Found],
        columns: Mapping[str, Sequence[Any]],
        count: int,
        at_us: int,
    ) -> OnlineRows | str:
        """Return what was found as values, judged by a moment.

        Where a table answers from another generation than the plan knows, the table is returned.

        Raises:
            IntegrityError: A row is not what was written.
        """
        looked: list[Looked] = []
        for (view, _, opened, pick), one in zip(self._members, found, strict=True):
            if one.generation != opened.generation:
                return view
            looked.append(opened.read(pick, one.values, at_us))
        return OnlineRows(count=count, entities=columns, looked=looked)


def count_of(columns: Mapping[str, Sequence[Any]]) -> int:
    """Return how many rows ask.

    Raises:
        InvalidRequest: Columns differ in length.
    """
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
