"""Draws tasks: which decisions of a day of event time people are asked about, the same ones every time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject, NotFound
from towpath.operate.decisions.contract import OUTPUT
from towpath.operate.labelling.ranking import parse_sample
from towpath.operate.labelling.spec import TASK
from towpath.operate.labelling.tasks import TaskSpec

if TYPE_CHECKING:
    from towpath.assets.datasets import DatasetStore
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.labelling.spec import QueueSpec

DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALWAYS_READ = ("decision_id", "at", "model", "subject", "status", "weight")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The tasks of one day, most wanted first."""

    since: datetime
    tasks: tuple[TaskSpec, ...]

    def declare(self, tx: Transaction, spec: QueueSpec) -> int:
        """Put the tasks that are not there yet; return how many."""
        new = 0
        for task in self.tasks:
            name = spec.task(task.decision_id)
            if tx.intents.find(TASK, name) is None:
                given = msgspec.to_builtins(task)
                tx.intents.put(
                    TASK, name, project=spec.project, spec=given, phase="open", due=False
                )
                new += 1
        return new


def day_of(moment: datetime) -> datetime:
    """Return the beginning of a moment's day, in UTC."""
    return _EPOCH + (moment - _EPOCH) // DAY * DAY


def days_to_draw(
    spec: QueueSpec, drawn_until: datetime | None, now: datetime, settle: timedelta, *, most: int
) -> list[datetime]:
    """Return the beginnings of the days that are over and not drawn yet, oldest first.

    A new queue begins with the last day that is over: what came before was nobody's question.
    """
    known = (
        now - settle - (timedelta(0) if spec.maturity is None else parse_duration(spec.maturity))
    )
    start = day_of(known) - DAY if drawn_until is None else drawn_until
    days: list[datetime] = []
    while start + DAY <= known and len(days) < most:
        days.append(start)
        start += DAY
    return days


class Drawer:
    """Chooses a day's decisions. Reads the decision log and the ledger; writes nothing."""

    def __init__(self, ledger: Ledger, decisions: DecisionLog, datasets: DatasetStore) -> None:
        self._ledger = ledger
        self._decisions = decisions
        self._datasets = datasets

    def draw(self, spec: QueueSpec, since: datetime) -> Day:
        """Choose from the decisions of the day that begins at `since`.

        Left out are failed ones, those of withdrawn subjects, those that people were asked about
        before, and, unless the queue relabels, those whose outcome is known.

        Raises:
            InvalidProject: The queue's sample makes no sense of the decisions; see `Sample.choose`.
        """
        sample = parse_sample(spec.sample)
        with self._ledger.read() as tx:
            looked_at = sample.columns
            if f"{OUTPUT}*" in looked_at:
                looked_at = _outputs(tx, spec.service)
        rows = self._decisions.scan(
            spec.service,
            since=since,
            until=since + DAY,
            columns=list(dict.fromkeys([*_ALWAYS_READ, *looked_at])),
        )
        done = self._asked_before(spec)
        if not spec.relabel:
            done += self._known(spec, since)
        rows = rows.filter(
            pl.col("status") == "ok",
            ~pl.col("decision_id").is_in(done),
        ).collect()
        with self._ledger.read() as tx:
            gone = tx.withdrawals.among(rows["subject"].drop_nulls().unique().to_list())
        rows = rows.filter(~pl.col("subject").is_in(sorted(gone)).fill_null(value=False))
        if rows.is_empty():
            return Day(since=since, tasks=())
        drawn = sample.choose(rows, spec.per_day, salt=spec.name)
        tasks = [
            TaskSpec(
                queue=spec.name,
                decision_id=row["decision_id"],
                at=row["at"],
                model=row["model"],
                subject=row["subject"],
                day=since,
                rank=rank,
                # A row of a service that samples stands for several decisions itself.
                weight=None if drawn.weight is None else drawn.weight * row["weight"],
            )
            for rank, row in enumerate(drawn.rows.iter_rows(named=True))
        ]
        return Day(since=since, tasks=tuple(tasks))

    def _known(self, spec: QueueSpec, since: datetime) -> list[str]:
        labelled = self._decisions.scan_labelled(
            spec.service, since=since, until=since + DAY, columns=["decision_id"]
        )
        return labelled.select("decision_id").collect()["decision_id"].to_list()

    def _asked_before(self, spec: QueueSpec) -> list[str]:
        """Return the decisions that were sealed, as after a queue was removed and declared again."""
        try:
            said = self._datasets.scan(spec.judgements.ref, columns=["decision_id"])
            return said.select(pl.col("decision_id").unique()).collect()["decision_id"].to_list()
        except NotFound:
            return []


def _outputs(tx: Transaction, service: str) -> list[str]:
    """Return the columns of everything that versions of the service's model ever answer.

    Raises:
        InvalidProject: There is no such service, or no version of its model.
    """
    intent = tx.intents.find("service", service)
    versions = [] if intent is None else tx.versions.list("model", intent.spec["model"])
    signatures = [version.body.get("signature", {}) for version in versions]
    names = [OUTPUT + one["name"] for given in signatures for one in given.get("outputs", ())]
    if not names:
        raise InvalidProject(
            f"service {service!r} has no model yet whose answers could be ranked",
            remedy="Train one and deploy it; days are drawn from once there is.",
        )
    return list(dict.fromkeys(names))
