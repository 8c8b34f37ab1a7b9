"""Traffic of any kind for a small production, and monitors that judge it through the reconciler."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from towpath.core.clock import to_micros
from towpath.operate.decisions import Decision, DecisionIds, Label, encode_frame
from towpath.operate.monitoring.reconciler import MonitorReconciler
from towpath.operate.monitoring.watchers import standard_watchers

if TYPE_CHECKING:
    from towpath.ledger.records import Intent


@dataclass
class Watched:
    """A production with a model, days of traffic of any kind, and monitors."""

    production: Any
    rng: np.random.Generator

    def __post_init__(self) -> None:
        made = self.production
        self.reconciler = MonitorReconciler(
            made.ledger,
            made.blobs,
            made.decisions,
            made.releases,
            made.clock,
            watchers=standard_watchers(made.ledger),
        )
        self.model = made.model()
        made.deploy(self.model)
        self.ids = DecisionIds()

    def rows(self, count: int) -> pl.DataFrame:
        """Requests like those that the model was trained on, and what comes true of them."""
        wind, load = self.rng.normal(0, 1, count), self.rng.normal(0, 1, count)
        chance = 1 / (1 + np.exp(-(1.2 * wind - 0.8 * load - 1)))
        late = (self.rng.random(count) < chance).astype(float)
        return pl.DataFrame({"wind": wind, "load": load, "late": late})

    def day(
        self,
        rows: pl.DataFrame,
        *,
        hours: float = 24,
        failing: float = 0.0,
        latency_us: Any = 800,
        kept: float | None = None,
        after: timedelta = timedelta(hours=2),
        score: Any = None,
        subjects: Any = None,
    ) -> list[str]:
        """Answer requests spread over the next hours, label them, and move the clock.

        Columns but `late` are the inputs. Returns the decisions' ids.
        """
        production = self.production
        predictor = production._predictor(self.model.digest)
        begin, inputs = production.clock.now(), rows.drop("late")
        if score is None:
            known = {name: rows[name].fill_null(0.0).to_list() for name in ("wind", "load")}
            score = predictor.predict(known)["late"]
        latencies = np.broadcast_to(np.asarray(latency_us), len(rows))
        frames, ids = [], []
        for place, values in enumerate(inputs.iter_rows(named=True)):
            at = begin + timedelta(hours=hours * place / len(rows))
            failed = self.rng.random() < failing
            more = {} if kept is None else {"kept": kept}
            decision = Decision(
                decision_id=self.ids.next(),
                at_us=to_micros(at),
                recorded_us=to_micros(at),
                service="board",
                release="release:production@1",
                model=str(self.model.ref),
                arm="champion",
                inputs=values,
                outputs={} if failed else {"late": float(score[place])},
                status="error" if failed else "ok",
                error="it broke" if failed else None,
                latency_us=int(latencies[place]),
                subject=None if subjects is None else subjects[place],
                **more,
            )
            told = to_micros(at + after)
            label = Label(
                decision_id=decision.decision_id,
                value=float(rows["late"][place]),
                at_us=told,
                recorded_us=told,
            )
            frames += [encode_frame(decision), encode_frame(label)]
            ids.append(decision.decision_id)
        production._writer.append(b"".join(frames)).result(10)
        production.clock.advance(timedelta(hours=hours))
        return ids

    def watch(self, monitor: Any) -> str:
        """Declare a monitor, as `towpath apply` does."""
        name = f"board.{monitor.name}"
        self.production.put("monitor", name, kind=monitor.kind, **dataclasses.asdict(monitor))
        return name

    def judge(self, *, later: timedelta = timedelta(hours=12)) -> Intent:
        """Let time pass, and the monitor judge what is due."""
        self.production.clock.advance(later)
        return self.production.step(self.reconciler)

    def alerts(self) -> list[Intent]:
        with self.production.ledger.read() as tx:
            return tx.intents.list("alert")

    def measured(self, row: Intent) -> dict[str, float]:
        with self.production.ledger.read() as tx:
            return dict(tx.runs.get(row.status["run"]).metrics)

    def events(self, *types: str) -> list[Any]:
        with self.production.ledger.read() as tx:
            return tx.events.read(types=list(types))


@pytest.fixture
def watched(production: Any) -> Watched:
    return Watched(production, np.random.default_rng(11))
