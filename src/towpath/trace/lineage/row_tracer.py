"""Answers what is asked about rows, and records that it was asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import polars as pl
import structlog

from towpath.assets.datasets.catalogue import COLLECTED
from towpath.assets.datasets.history import RowTracker
from towpath.core.errors import NotFound, UsageError
from towpath.trace.lineage.answered import AnsweredCounts
from towpath.trace.lineage.contract import Bounds, TraceNode, TraceTree
from towpath.trace.lineage.openings import serving
from towpath.trace.lineage.reaching import RowReach
from towpath.trace.lineage.rows import ModelReached, RowImpact, RowsHeld

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from towpath.assets.datasets.history import Carried, Tracked
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Version
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring
    from towpath.trace.lineage.answered import Answered
    from towpath.trace.lineage.contract import Tracer
    from towpath.trace.lineage.reaching import Reached

_log = structlog.get_logger(__name__)
_KEYS_MOST = 100


class LedgerRowTracer:
    """Implements `RowTracer`.

    Args:
        ledger: Versions, runs, and the graph.
        blobs: The rows.
        keyring: Hashes keys and subjects.
        decisions: What models decided.
        tracer: Goes on from the version that a row came with.
    """

    def __init__(
        self,
        ledger: Ledger,
        blobs: BlobStore,
        keyring: Keyring,
        decisions: DecisionLog,
        tracer: Tracer,
    ) -> None:
        self._ledger = ledger
        self._keyring = keyring
        self._tracer = tracer
        self._tracker = RowTracker(ledger, blobs)
        self._answered = AnsweredCounts(decisions)

    def impact(
        self, ref: Ref, where: str, *, actor: str = "towpath", plain_keys: bool = False
    ) -> RowImpact:
        """See `RowTracer.impact`."""
        condition = parse_condition(where)
        tracked = self._tracker.track(ref, condition)
        named = sorted(set(condition.meta.root_names()))
        self._record(tracked, named, actor=actor, plain_keys=plain_keys)
        return self._impact(tracked, str(tracked.version.ref), plain_keys=plain_keys)

    def impact_of_row(
        self, ref: Ref, key: str, *, actor: str = "towpath", plain_keys: bool = False
    ) -> RowImpact:
        """See `RowTracer.impact_of_row`."""
        tracked = self._row(ref, key, actor=actor, plain_keys=plain_keys)
        return self._impact(tracked, str(tracked.version.ref), plain_keys=plain_keys)

    def trace_row(
        self, ref: Ref, key: str, *, actor: str = "towpath", plain_keys: bool = False
    ) -> TraceTree:
        """See `RowTracer.trace_row`."""
        tracked = self._row(ref, key, actor=actor, plain_keys=plain_keys)
        line = tracked.version.ref.name
        carrying = [one for one in tracked.carried if one.rows]
        mine = [one for one in carrying if one.version.ref.name == line]
        # A branch begins with the rows that the trunk had; the oldest of all is where a row came in.
        first = _first_of(mine, tracked.version)
        below = self._tracer.ask(str(first), "back", bounds=Bounds(), actor=actor)
        (name,) = self._keys(tracked, plain=plain_keys)
        changed = [str(one.version.ref) for one in tracked.carried if one.changed]
        node = TraceNode(
            ref=f"row:{line}#{name}",
            kind="row",
            facts={
                "in": str(tracked.version.ref),
                "since": str(first),
                "versions": len(carrying),
                "otherwise_in": changed[:_KEYS_MOST],
            },
            children=(replace(below.root, relation="came with"),),
        )
        return TraceTree(
            direction="back", root=node, reached=below.reached, complete=below.complete
        )

    def impact_of_subject(
        self, field: str, value: str, *, actor: str = "towpath", plain_keys: bool = False
    ) -> list[RowImpact]:
        """See `RowTracer.impact_of_subject`."""
        with self._ledger.read() as tx:
            declared = [
                version
                for asset in tx.versions.assets("dataset")
                if (version := tx.versions.latest("dataset", asset.name)) is not None
            ]
        mine = [one for one in declared if one.body.get("subject_field") == field]
        trunks = {one.ref.trunk: one for one in mine if one.ref.branch is None}
        if not trunks:
            known = {str(said) for one in declared if (said := one.body.get("subject_field"))}
            raise NotFound.named("subject field", field, known)
        found: list[RowImpact] = []
        for name, version in sorted(trunks.items()):
            hashed = version.body.get("subject_hashed")
            called = self._keyring.subject_hash(field, value) if hashed else value
            tracked = self._tracker.track_subject(name, called)
            if tracked is not None:
                self._record(tracked, [field], actor=actor, plain_keys=plain_keys)
                if tracked.rows.height:
                    found.append(self._impact(tracked, f"dataset:{name}", plain_keys=plain_keys))
        return found

    def _row(self, ref: Ref, key: str, *, actor: str, plain_keys: bool) -> Tracked:
        with self._ledger.read() as tx:
            version = tx.versions.get(ref)
        tracked = self._tracker.track(version.ref, key_condition(version, key))
        self._record(tracked, list(tracked.key), actor=actor, plain_keys=plain_keys)
        if tracked.rows.is_empty():
            raise NotFound(
                f"{version.ref} has no row with that key",
                remedy="It may have another version, or was erased.",
                ref=str(version.ref),
            )
        return tracked

    def _record(
        self, tracked: Tracked, columns: Sequence[str], *, actor: str, plain_keys: bool
    ) -> None:
        """Say in the log that rows were looked at, before anybody sees the answer."""
        ref = str(tracked.version.ref)
        rows = tracked.rows.height
        with self._ledger.write(actor=actor) as tx:
            tx.events.append(
                "rows.traced", ref, rows=rows, columns=list(columns), plain_keys=plain_keys
            )
        _log.info("rows.traced", ref=ref, rows=rows, actor=actor, plain_keys=plain_keys)

    def _impact(self, tracked: Tracked, ref: str, *, plain_keys: bool) -> RowImpact:
        reached = RowReach(self._ledger, self._tracker, tracked).walk()
        answered = self._answered.by({str(one) for one in reached.models})
        models, releases = self._models(reached, answered)
        carrying = [*(one for one in tracked.carried if one.rows or one.changed)]
        carrying += reached.parts.values()
        return RowImpact(
            ref=ref,
            rows=tracked.rows.height,
            keys=self._keys(tracked, plain=plain_keys),
            versions=tuple(_held(one) for one in carrying),
            clean=sum(1 for one in tracked.carried if not one.rows),
            unread=self._collected(tracked.version.ref),
            reads=tuple(reached.reads),
            spared=len(reached.spared - {read.run for read in reached.reads}),
            models=models,
            releases=releases,
            services=tuple(sorted({name for model in models for name in model.serves})),
            derived=tuple(sorted(str(one) for one in reached.derived)),
            answered=tuple(answered),
        )

    def _models(
        self, reached: Reached, answered: Iterable[Answered]
    ) -> tuple[tuple[ModelReached, ...], tuple[str, ...]]:
        decisions: dict[str, int] = {}
        for one in answered:
            decisions[one.model] = decisions.get(one.model, 0) + one.decisions
        refs = sorted(reached.models)
        with self._ledger.read() as tx:
            live = serving(tx)
            versions = tx.versions.some(refs)
            near = tx.graph.near(refs, backwards=False, most=1_000_000)
        models = tuple(
            ModelReached(
                ref=str(ref),
                state=versions[ref].state if ref in versions else "unknown",
                rows=reached.models[ref][0],
                runs=tuple(sorted(reached.models[ref][1])),
                serves=tuple(sorted(live.get(str(ref), ()))),
                decisions=decisions.get(str(ref), 0),
            )
            for ref in refs
        )
        releases = {
            edge.child for one in near.values() for edge in one.edges if edge.relation == "includes"
        }
        return models, tuple(str(ref) for ref in sorted(releases))

    def _collected(self, ref: Ref) -> tuple[str, ...]:
        with self._ledger.read() as tx:
            lines = [one.name for one in tx.versions.assets("dataset", prefix=ref.trunk)]
            mine = [name for name in lines if name == ref.trunk or name.startswith(f"{ref.trunk}~")]
            gone = [
                version.ref
                for name in mine
                for version in tx.versions.list("dataset", name, states=[COLLECTED], limit=None)
            ]
        return tuple(str(one) for one in sorted(gone))

    def _keys(self, tracked: Tracked, *, plain: bool) -> tuple[str, ...]:
        """Return the first keys in order, as themselves or as keyed hashes."""
        shown = tracked.rows.select(tracked.key).sort(tracked.key).head(_KEYS_MOST)
        texts = [_key_text(tracked.key, row) for row in shown.iter_rows()]
        if plain:
            return tuple(texts)
        name = f"row:{tracked.version.ref.trunk}"
        return tuple(self._keyring.subject_hash(name, text) for text in texts)


def parse_condition(where: str) -> pl.Expr:
    """Read an SQL condition.

    Raises:
        UsageError: It is none.
    """
    try:
        return pl.sql_expr(where)
    except pl.exceptions.PolarsError as error:
        raise UsageError(
            f"the condition is no SQL: {str(error).partition(chr(10))[0]}",
            remedy="Write one over the columns, such as --where \"origin = 'JFK'\".",
        ) from error


def key_condition(version: Version, key: str) -> pl.Expr:
    """Read a row's key, as `RowTracer.trace_row` says, into a condition over a version's columns.

    Raises:
        UsageError: It is not a key of this data set.
    """
    columns: list[str] = list(version.body["key"])
    if len(columns) == 1:
        name = columns[0]
        values = {name: key.removeprefix(f"{name}=")}
    else:
        pairs = [one.partition("=") for one in key.split(",")]
        values = {name: unquote(value) for name, equals, value in pairs if equals}
    if set(values) != set(columns):
        raise UsageError(
            f"that is no key of data set {version.ref.name!r}",
            remedy=f"Write {','.join(f'{name}=…' for name in columns)} behind the #.",
            columns=columns,
        )
    # Compared as text, so that one notation serves every type of column.
    return pl.all_horizontal(
        pl.col(name).cast(pl.String) == pl.lit(values[name]) for name in columns
    )


def _key_text(columns: Sequence[str], row: Sequence[object]) -> str:
    if len(columns) == 1:
        return str(row[0])
    spelt = [str(one).replace("%", "%25").replace(",", "%2C").replace("=", "%3D") for one in row]
    return ",".join(f"{name}={one}" for name, one in zip(columns, spelt, strict=True))


def _held(one: Carried) -> RowsHeld:
    version = one.version
    return RowsHeld(
        ref=str(version.ref), revision=version.revision, rows=one.rows, changed=one.changed
    )


def _first_of(carrying: Sequence[Carried], version: Version) -> Ref:
    """Return the version that a row came with: where its unbroken presence up to `version` begins."""
    first = version.ref
    numbers = {one.version.ref.version: one.version.ref for one in carrying}
    number = version.ref.version or 0
    while number - 1 in numbers:
        number -= 1
        first = numbers[number]
    return first


__all__ = ["LedgerRowTracer", "key_condition", "parse_condition"]
