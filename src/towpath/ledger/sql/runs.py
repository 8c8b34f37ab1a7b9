"""Runs with their parameters, tags and metric points."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from towpath.core.clock import to_micros
from towpath.core.errors import Conflict, NotFound, UsageError
from towpath.core.ids import new_id
from towpath.core.refs import Ref, check_name
from towpath.ledger.records import EndedRun, Metric, NewRun, Run, RunPart, RunStatus
from towpath.ledger.sql.given import among
from towpath.ledger.sql.labels import (
    MAX_PARAM_CHARS,
    MAX_TAG_CHARS,
    check_text,
    labels_of,
    set_labels,
)
from towpath.ledger.sql.session import chunked
from towpath.ledger.sql.upserts import insert_all_new, put_all
from towpath.storage.database import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from towpath.ledger.sql.events import SqlEvents
    from towpath.ledger.sql.session import Compound, Record, Session

_runs = tables.runs
_points = tables.metric_points
_latest = tables.latest_metrics
_OPEN = ("scheduled", "running")
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_SOME = sa.select(_runs).where(among(_runs.c.id, "ids"))


def _said() -> Compound:
    """Return the query for what was said of some runs: three tables in one round trip."""
    no_text, no_number = sa.cast(sa.null(), sa.Text), sa.cast(sa.null(), sa.Double)
    texts = [
        sa.select(
            *(table.c.run, table.c.key, table.c.value.label("text")),
            *(no_number.label("number"), sa.false().label("is_nan")),
            sa.literal(is_param, sa.Boolean).label("is_param"),
        ).where(among(table.c.run, "ids"))
        for table, is_param in ((tables.run_params, True), (tables.run_tags, False))
    ]
    numbers = sa.select(
        *(_latest.c.run, _latest.c.key, no_text, _latest.c.value, _latest.c.is_nan, sa.false())
    ).where(among(_latest.c.run, "ids"))
    return sa.union_all(*texts, numbers).order_by("key")


_SAID = _said()


class SqlRuns:
    """See `Runs`."""

    def __init__(self, session: Session, events: SqlEvents) -> None:
        self._session = session
        self._events = events

    def start(
        self,
        *,
        kind: str,
        name: str,
        project: str,
        run_id: str | None = None,
        parent: str | None = None,
        key: str | None = None,
        params: Mapping[str, object] = _NOTHING,
        tags: Mapping[str, str] = _NOTHING,
    ) -> Run:
        """See `Runs.start`."""
        self._session.require_writable()
        run_id = new_id() if run_id is None else run_id
        if self._row(run_id) is not None:
            return self.get(run_id)
        check_name(project, "project name")
        values = {"id": run_id, "kind": kind, "name": name, "project": project}
        values |= {"parent": parent, "key": key}
        self._session.write(
            sa.insert(_runs).values(**values, status="running", started_at=self._session.wall.now())
        )
        self._events.append(
            "run.started",
            str(Ref("run", run_id)),
            kind=kind,
            name=name,
            project=project,
            parent=parent,
        )
        self.log_params(run_id, params)
        self.set_tags(run_id, tags)
        return self.get(run_id)

    def start_all(self, runs: Sequence[NewRun]) -> None:
        """See `Runs.start_all`."""
        self._insert(runs, status="running")
        for run in runs:
            self._events.append(
                "run.started",
                str(Ref("run", run.id)),
                kind=run.kind,
                name=run.name,
                project=run.project,
                parent=run.parent,
            )

    def reuse_all(self, parent: str, runs: Sequence[NewRun]) -> None:
        """See `Runs.reuse_all`."""
        if runs:
            self._insert(runs, status="finished")
            names = {run.id: run.name for run in runs}
            self._events.append("run.reused", str(Ref("run", parent)), runs=names)

    def finish_all(self, ended: Sequence[EndedRun]) -> None:
        """See `Runs.finish_all`."""
        self._session.require_writable()
        if not ended:
            return
        still: set[str] = set()
        for piece in chunked([one.id for one in ended]):
            query = sa.select(_runs.c.id).where(_runs.c.id.in_(piece), _runs.c.status.in_(_OPEN))
            still |= {row.id for row in self._session.rows(query)}
        closed = [one for one in ended if one.id in still]
        if closed:
            change = (
                sa.update(_runs)
                .where(_runs.c.id == sa.bindparam("b_id"))
                .values(
                    status=sa.bindparam("b_status"),
                    error=sa.bindparam("b_error"),
                    ended_at=self._session.wall.now(),
                )
            )
            values = [{"b_id": o.id, "b_status": o.status, "b_error": o.error} for o in closed]
            self._session.write(change, values)
        for one in closed:
            subject = str(Ref("run", one.id))
            self._events.append("run.finished", subject, status=one.status, error=one.error)

    def finish(self, run_id: str, status: RunStatus, *, error: str | None = None) -> Run:
        """See `Runs.finish`."""
        self._session.require_writable()
        if status in _OPEN:
            raise UsageError(f"a run can't finish as {status!r}")
        if self._required(run_id).status in _OPEN:
            changes = sa.update(_runs).where(_runs.c.id == run_id)
            at = self._session.wall.now()
            self._session.write(changes.values(status=status, error=error, ended_at=at))
            self._events.append("run.finished", str(Ref("run", run_id)), status=status, error=error)
        return self.get(run_id)

    def log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        """See `Runs.log_params`."""
        self._session.require_writable()
        self._required(run_id)
        texts = {
            key: value if isinstance(value, str) else str(value) for key, value in params.items()
        }
        for key, value in texts.items():
            check_text(key, value, MAX_PARAM_CHARS)
        old = labels_of(self._session, tables.run_params, [run_id]).get(run_id, {}) if texts else {}
        for key, value in texts.items():
            if old.get(key, value) != value:
                raise Conflict(
                    f"parameter {key!r} of run {run_id} is {old[key]!r} and can't become {value!r}",
                    remedy="Parameters are written once; log what changes as a metric or tag.",
                )
        rows = [{"run": run_id, "key": k, "value": v} for k, v in texts.items() if k not in old]
        insert_all_new(self._session, tables.run_params, rows)

    def log_metrics(self, run_id: str, metrics: Iterable[Metric]) -> None:
        """See `Runs.log_metrics`."""
        self._session.require_writable()
        self._required(run_id)
        self.log_all_metrics({run_id: list(metrics)})

    def log_all_metrics(self, metrics: Mapping[str, Sequence[Metric]]) -> None:
        """See `Runs.log_all_metrics`."""
        self._session.require_writable()
        points = [_point(run_id, one) for run_id, several in metrics.items() for one in several]
        if not points:
            return
        insert_all_new(self._session, _points, points)
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        for piece in chunked([run_id for run_id, several in metrics.items() if several]):
            known = self._session.mappings(sa.select(_latest).where(_latest.c.run.in_(piece)))
            newest |= {(row["run"], row["key"]): row for row in known}
        changed: dict[tuple[str, str], dict[str, Any]] = {}
        for point in points:
            place = point["run"], point["key"]
            if place not in newest or _rank(point) >= _rank(newest[place]):
                newest[place] = changed[place] = point
        put_all(self._session, _latest, list(changed.values()))

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """See `Runs.set_tags`."""
        self._session.require_writable()
        self._required(run_id)
        set_labels(self._session, tables.run_tags, run_id, tags)

    def get(self, run_id: str) -> Run:
        """See `Runs.get`."""
        return self._load([self._required(run_id)])[0]

    def some(self, run_ids: Sequence[str]) -> dict[str, Run]:
        """See `Runs.some`."""
        rows = self._session.rows(_SOME, ids=list(dict.fromkeys(run_ids)))
        return {run.id: run for run in self._load(rows)}

    def list(
        self,
        *,
        project: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        status: RunStatus | None = None,
        parent: str | None = None,
        before: str | None = None,
        limit: int | None = 1000,
    ) -> list[Run]:
        """See `Runs.list`."""
        query = sa.select(_runs).order_by(_runs.c.started_at.desc(), _runs.c.id.desc()).limit(limit)
        wanted = {
            "project": project,
            "kind": kind,
            "name": name,
            "status": status,
            "parent": parent,
        }
        for column, value in wanted.items():
            if value is not None:
                query = query.where(_runs.c[column] == value)
        if before is not None:
            last = self._required(before)
            earlier = sa.and_(_runs.c.started_at == last.started_at, _runs.c.id < before)
            query = query.where(sa.or_(_runs.c.started_at < last.started_at, earlier))
        return self._load(self._session.rows(query))

    def parts(self, parent: str, *, limit: int) -> list[RunPart]:
        """See `Runs.parts`."""
        tags = tables.run_tags
        is_cached = sa.and_(tags.c.run == _runs.c.id, tags.c.key == "cached")
        # Whole microseconds, as they are kept: thousands of times would take longer than the query.
        began, ended = (
            sa.type_coerce(column, sa.BigInteger)
            for column in (_runs.c.started_at, _runs.c.ended_at)
        )
        took = sa.func.coalesce(ended, to_micros(self._session.wall.now())) - began
        query = (
            sa.select(_runs.c.id, _runs.c.kind, _runs.c.name, _runs.c.status, tags.c.value, took)
            .outerjoin(tags, is_cached)
            .where(_runs.c.parent == parent)
            .order_by(_runs.c.started_at.desc(), _runs.c.id.desc())
            .limit(limit)
        )
        return [
            RunPart(
                id=run_id,
                kind=kind,
                name=name,
                status=status,
                cached=cached == "true",
                seconds=max(micros / 1e6, 0.0),
            )
            for run_id, kind, name, status, cached, micros in self._session.rows(query)
        ]

    def history(self, run_id: str, key: str, *, since_step: int | None = None) -> list[Metric]:
        """See `Runs.history`."""
        self._required(run_id)
        columns = (_points.c.step, _points.c.at, _points.c.value, _points.c.is_nan)
        query = sa.select(*columns).where(_points.c.run == run_id, _points.c.key == key)
        if since_step is not None:
            query = query.where(_points.c.step >= since_step)
        return [
            Metric(key=key, value=math.nan if is_nan else value, step=step, at=at)
            for step, at, value, is_nan in self._session.rows(query.order_by(*columns[:3]))
        ]

    def _insert(self, runs: Sequence[NewRun], *, status: RunStatus) -> None:
        self._session.require_writable()
        for project in {run.project for run in runs}:
            check_name(project, "project name")
        at = to_micros(self._session.wall.now())
        ended_at = None if status in _OPEN else at
        self._session.insert_rows(
            _runs,
            ("id", "kind", "name", "project", "status", "parent", "key", "started_at", "ended_at"),
            [
                (
                    *(run.id, run.kind, run.name, run.project, status),
                    *(run.parent, run.key, at, ended_at),
                )
                for run in runs
            ],
        )
        for table, limit, labels in (
            (tables.run_params, MAX_PARAM_CHARS, [(run.id, run.params) for run in runs]),
            (tables.run_tags, MAX_TAG_CHARS, [(run.id, run.tags) for run in runs]),
        ):
            rows = [
                (run_id, key, value) for run_id, given in labels for key, value in given.items()
            ]
            for _, key, value in rows:
                check_text(key, value, limit)
            self._session.insert_rows(table, ("run", "key", "value"), rows)

    def _row(self, run_id: str) -> Record | None:
        return self._session.first(sa.select(_runs).where(_runs.c.id == run_id))

    def _required(self, run_id: str) -> Record:
        row = self._row(run_id)
        if row is None:
            raise NotFound(f"there is no run {run_id!r}", run=run_id)
        return row

    def _load(self, rows: Sequence[Record]) -> list[Run]:
        params: dict[str, dict[str, str]] = {}
        tags: dict[str, dict[str, str]] = {}
        metrics: dict[str, dict[str, float]] = {}
        for said in self._session.rows(_SAID, ids=[row.id for row in rows]):
            if said.number is not None:
                value = math.nan if said.is_nan else said.number
                metrics.setdefault(said.run, {})[said.key] = value
            else:
                (params if said.is_param else tags).setdefault(said.run, {})[said.key] = said.text
        return [
            Run(
                id=row.id,
                kind=row.kind,
                name=row.name,
                project=row.project,
                status=row.status,
                parent=row.parent,
                key=row.key,
                started_at=row.started_at,
                ended_at=row.ended_at,
                error=row.error,
                params=params.get(row.id, {}),
                tags=tags.get(row.id, {}),
                metrics=metrics.get(row.id, {}),
            )
            for row in rows
        ]


def _point(run_id: str, metric: Metric) -> dict[str, Any]:
    check_text(metric.key, "", 0)
    value = float(metric.value)
    return {
        "run": run_id,
        "key": metric.key,
        "step": metric.step,
        "at": metric.at,
        "value": 0.0 if math.isnan(value) else value,
        "is_nan": math.isnan(value),
    }


def _rank(point: Mapping[str, Any]) -> tuple[Any, ...]:
    """Order the points of a key by which is the latest: step, then time, then value (as MLflow)."""
    return (point["step"], point["at"], not point["is_nan"], point["value"])
