"""`towpath feature materialize`, `get`, `push`, `status`: features online, by entity."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import polars as pl
from cyclopts import Parameter

from towpath.assets.datasets import Column
from towpath.assets.features import FeatureService, FeatureView, lookups_of
from towpath.assets.features.online import Materialized, ViewStatus
from towpath.assets.sources import parse_text
from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_json, print_table
from towpath.cli.rows import read_rows
from towpath.core.clock import parse_time
from towpath.core.durations import format_duration
from towpath.core.errors import InvalidName, NotFound, UsageError
from towpath.core.refs import Ref
from towpath.operate.projects import Project
from towpath.trace.audit import RowsAudit

if TYPE_CHECKING:
    from towpath.storage.keys import Keyring

_ACTOR = "cli"
_Pairs: TypeAlias = Annotated[str, Parameter(metavar="NAME=VALUE")]


def materialize(
    *names: str, at: str | None = None, whole: Flag = False, common: Common = Common()
) -> int:
    """Bring online rows up to date; serving goes on meanwhile.

    Args:
        names: The views, as the project declares them; all that are online when none is named.
        at: Take in what was known at this event time, instead of now (ISO 8601).
        whole: Write all rows anew, even where less would do.
    """
    project = common.project()
    when = None if at is None else parse_time(at)
    done: list[Materialized] = []
    with common.open() as home:
        for view in _views(project, names):
            err.print(f"materialising {view.name} …", markup=False)
            done.append(home.online.materialize(view, project=project.name, at=when, whole=whole))
    if common.json:
        print_json(done)
        return 0
    print_table(
        ["view", "of", "written", "rows", "as of"],
        [
            (
                one.view,
                str(one.ref),
                "all" if one.whole else "what changed",
                one.rows,
                f"{one.at:%Y-%m-%d %H:%M:%S}",
            )
            for one in done
        ],
        empty=f"project {project.name!r} declares no feature view that is online",
    )
    return 0


def get(
    name: str,
    /,
    *entity: _Pairs,
    rows: Path | None = None,
    at: str | None = None,
    common: Common = Common(),
) -> int:
    """Look the features of entities up online, as serving does. Looking people up is recorded.

    Args:
        name: The feature service or view, as the project declares it.
        entity: One entity, and what on-demand features ask for: origin=EWR.
        rows: Look up all rows of this file instead: .csv, .jsonl or .parquet.
        at: Judge the time to live at this event time instead of now (ISO 8601).
    """
    features = common.project().features_named(name)
    columns = [column for one in lookups_of(features) for column in one.entity]
    if isinstance(features, FeatureService):
        columns += features.request
    if (rows is None) is not bool(entity):
        raise UsageError(
            "nothing says whose features are wanted" if rows is None else "both row and file given",
            remedy=f"Give NAME=VALUE for {', '.join(one.name for one in columns)}, or --rows FILE.",
        )
    asked = _one_row(columns, entity) if rows is None else read_rows(rows, columns)
    when = None if at is None else parse_time(at)
    with common.open() as home:
        subjects = _subjects(features, asked, home.keyring)
        RowsAudit(home.ledger).looks_up(name, actor=_ACTOR, subjects=subjects)
        found = home.online.get(features, asked, at=when)
    if common.json:
        print_json(found.to_dicts())
        return 0
    names = found.to_dict()
    print_table(list(names), zip(*names.values(), strict=True), empty="no row asks for anything")
    return 0


def push(name: str, file: Path, /, *, common: Common = Common()) -> int:
    """Serve observations from a file at once, before they are in the view's source.

    Args:
        name: The view, as the project declares it.
        file: Rows with the view's columns: .csv, .jsonl or .parquet.
    """
    project = common.project()
    (view,) = _views(project, (name,))
    rows = read_rows(file, view.source.columns)
    with common.open() as home:
        pushed = home.online.push(view, rows, project=project.name)
    if common.json:
        print_json(pushed)
        return 0
    out.print(f"{pushed.taken} rows served")
    if pushed.late or pushed.withdrawn:
        err.print(
            f"{pushed.late} were not newer than what is served, {pushed.withdrawn} are withdrawn"
        )
    return 0


def status(*names: str, sample: int = 0, common: Common = Common()) -> int:
    """Tell how fresh online rows are, and whether serving answers what training would be given.

    Args:
        names: The views; all that are online when none is named.
        sample: Compare so many entities of each with the offline store; 0 for none.
    """
    project = common.project()
    with common.open() as home:
        found = [
            home.online.status(view, project=project.name, sample=sample)
            for view in _views(project, names)
        ]
    if common.json:
        print_json(found)
        return 0
    print_table(
        ["view", "freshness", "of", "as of", "lag", "entities", "pushed", "skew"],
        [
            (
                one.view,
                one.freshness,
                one.ref,
                None if one.at is None else f"{one.at:%Y-%m-%d %H:%M:%S}",
                None
                if one.lag is None
                else format_duration(timedelta(seconds=round(one.lag.total_seconds()))),
                one.entities,
                one.pushed,
                _skew(one),
            )
            for one in found
        ],
        empty=f"project {project.name!r} declares no feature view that is online",
    )
    return 0


def compute(*, code: str, common: Common = Common()) -> int:
    """Compute on-demand features for a gateway, over standard input and output.

    Args:
        code: The version of the project's code to compute by.
    """
    from towpath.gateway.features.computer import serve_computations
    from towpath.operate.projects import load_project

    with common.open() as home:
        project = load_project(*home.unpack(Ref.parse(code, "code")), pristine=True)
    serve_computations(project)
    return 0


def _views(project: Project, names: tuple[str, ...]) -> list[FeatureView]:
    """Return the named views, or all that are online."""
    known = {view.name: view for view in project.all_views()}
    for name in names:
        if name not in known:
            raise NotFound.named("feature view", name, known)
    return [known[name] for name in names] or [one for one in known.values() if one.online]


def _one_row(columns: list[Column], pairs: tuple[str, ...]) -> pl.DataFrame:
    declared = {column.name: column for column in columns}
    values: list[pl.Series] = []
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in declared:
            raise InvalidName(
                f"{pair!r} names no column that is asked by",
                remedy=f"Write NAME=VALUE for {', '.join(declared)}.",
            )
        value = parse_text(declared[name], pl.Series(name, [text]))
        if value.null_count():
            raise InvalidName(f"the value of {name!r} is no {declared[name].type}")
        values.append(value)
    return pl.DataFrame(values)


def _subjects(
    features: FeatureService | FeatureView, asked: pl.DataFrame, keyring: Keyring
) -> set[str]:
    """Return the keyed hashes of those whose features are asked for; empty where it is about things."""
    found: set[str] = set()
    for one in lookups_of(features):
        source = one.view.source
        by = dict(zip(one.view.entity_columns, one.by, strict=True)).get(source.subject or "")
        if by is not None and by in asked.columns:
            field = source.subject_field or source.subject
            values = asked[by].drop_nulls().cast(pl.String).unique().to_list()
            hashes = source.subject_hashed
            found |= {one if hashes else keyring.subject_hash(str(field), one) for one in values}
    return found


def _skew(status: ViewStatus) -> str | None:
    skew = status.skew
    if skew is None:
        return None
    parts = {"missing": skew.missing, "stale": skew.stale, **skew.different}
    wrong = ", ".join(f"{name} {count}" for name, count in parts.items() if count)
    return f"{wrong or 'none'} of {skew.sampled}"
