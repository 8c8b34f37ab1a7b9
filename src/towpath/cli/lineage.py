"""`towpath trace` and `impact`: the way back from anything, and what it reaches, down to rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from cyclopts import Parameter

from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_facts, print_json, print_table, print_trace
from towpath.core.errors import UsageError
from towpath.core.refs import Ref
from towpath.trace.lineage import Bounds, open_lineage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.app.home import Home
    from towpath.trace.lineage import Direction, RowImpact, TraceTree

_ACTOR = "cli"
_SUBJECT = "subject:"

Form = Literal["tree", "openlineage"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Show:
    """How much to show, and how.

    Attributes:
        depth: How many steps to follow; all, when left out.
        width: How many neighbours of one node to show; the newest of those that matter most.
        limit: How many nodes to show, or lines of each list; what is left out is counted.
        full: Show every step and artefact on the way.
        count_all: Count everything that is reached, whatever that takes.
        form: openlineage prints OpenLineage events, one JSON object a line.
        plain_keys: Show keys of rows as they are, and not hashed. The log says so.
    """

    depth: int | None = None
    width: int = 20
    limit: int = 200
    full: Flag = False
    count_all: Flag = False
    form: Form = "tree"
    plain_keys: Flag = False

    @property
    def bounds(self) -> Bounds:
        """The options as the tracer takes them."""
        bounds = Bounds(depth=self.depth, width=self.width, nodes=self.limit, full=self.full)
        return replace(bounds, counted=None) if self.count_all else bounds


def trace(what: str, /, *, show: Show = Show(), common: Common = Common()) -> int:
    """Print the way back: what a decision, a version, a run, an alert, a row … was made from.

    Args:
        what: A decision's id, or kind:name: model:late@3, dataset:flights@7, release:production@4,
            service:board, alert:…, label:…, report:late@3, run:…; or a row, dataset:flights@7#KEY.
    """
    with common.open() as home:
        ref, sharp, key = what.partition("#")
        if sharp and ref.startswith("dataset:"):
            tree = home.row_tracer.trace_row(
                Ref.parse(ref), key, actor=_ACTOR, plain_keys=show.plain_keys
            )
            return _print(tree, common)
        return _walk(home, what, "back", show, common)


def impact(
    what: str,
    /,
    *,
    where: str | None = None,
    show: Show = Show(),
    common: Common = Common(),
) -> int:
    """Print what a thing reaches: runs, models, releases, services, decisions.

    Args:
        what: As for trace; or rows: dataset:flights@3 with --where, one row as dataset:flights@3#KEY,
            all rows of a person as subject:FIELD=VALUE.
        where: Which rows of the version, as SQL over its columns, such as "origin = 'JFK'".
    """
    with common.open() as home:
        if what.startswith(_SUBJECT):
            field, equals, value = what.removeprefix(_SUBJECT).partition("=")
            if not equals or not field or not value:
                raise UsageError("that names no subject", remedy="Write subject:FIELD=VALUE.")
            found = home.row_tracer.impact_of_subject(
                field, value, actor=_ACTOR, plain_keys=show.plain_keys
            )
            return _print_rows(found, show, common)
        ref, sharp, key = what.partition("#")
        if sharp and ref.startswith("dataset:"):
            one = home.row_tracer.impact_of_row(
                Ref.parse(ref), key, actor=_ACTOR, plain_keys=show.plain_keys
            )
            return _print_rows([one], show, common)
        if where is not None:
            one = home.row_tracer.impact(
                Ref.parse(what), where, actor=_ACTOR, plain_keys=show.plain_keys
            )
            return _print_rows([one], show, common)
        return _walk(home, what, "forth", show, common)


def _walk(home: Home, what: str, direction: Direction, asked: Show, common: Common) -> int:
    """Print the graph from a thing, as a tree or as events."""
    if asked.form == "openlineage":
        found = home.tracer.neighbourhood(Ref.parse(what), direction, bounds=asked.bounds)
        for event in open_lineage(found):
            print_json(event)
        if not found.complete:
            err.print("there is more than --limit and --width allow; raise them")
        return 0
    tree = home.tracer.ask(what, direction, bounds=asked.bounds, actor=_ACTOR, payload=True)
    return _print(tree, common)


def _print(tree: TraceTree, common: Common) -> int:
    if common.json:
        print_json(tree.to_json())
    else:
        print_trace(tree)
    return 0


def _print_rows(found: Sequence[RowImpact], asked: Show, common: Common) -> int:
    if common.json:
        shown = [one.to_json(limit=asked.limit) for one in found]
        print_json(shown[0] if len(shown) == 1 else shown)
        return 0
    if not found:
        err.print("no row")
    for one in found:
        _print_impact(one, asked.limit)
    return 0


def _print_impact(found: RowImpact, limit: int) -> None:
    print_facts(
        f"{found.rows} rows of {found.ref}",
        {
            "carried by": f"{sum(1 for one in found.versions if one.rows)} versions",
            "free of them": f"{found.clean} versions",
            "not readable any more": f"{len(found.unread)} versions" if found.unread else None,
            "read by": f"{len({one.run for one in found.reads})} runs",
            "runs that read other rows": found.spared,
            "models": len(found.models),
            "releases": len(found.releases),
            "services now": ", ".join(found.services) or None,
            "decisions": found.decisions,
        },
    )
    rows = [(one.ref, one.revision, one.rows, one.changed) for one in found.versions[:limit]]
    print_table(["version", "revision", "rows", "changed"], rows, empty="no version")
    _tell_rest(len(found.versions), limit)
    if found.reads:
        read = [
            (one.name, one.kind, one.run, one.source, "?" if one.rows is None else one.rows)
            for one in found.reads[:limit]
        ]
        print_table(["run", "kind", "id", "read", "rows"], read, empty="no run")
        _tell_rest(len(found.reads), limit)
    if found.models:
        models = [
            (
                one.ref,
                one.state,
                "?" if one.rows is None else one.rows,
                ", ".join(one.serves),
                one.decisions,
            )
            for one in found.models[:limit]
        ]
        print_table(
            ["model", "state", "rows at most", "serves", "decisions"], models, empty="no model"
        )
        _tell_rest(len(found.models), limit)
    for kind, several in (("release", found.releases), ("derived", found.derived)):
        for ref in several[:limit]:
            out.print(f"{kind} {ref}", markup=False)
        _tell_rest(len(several), limit)


def _tell_rest(count: int, limit: int) -> None:
    if count > limit:
        err.print(f"and {count - limit} more: --limit {count} shows them")


__all__ = ["Show", "impact", "trace"]
