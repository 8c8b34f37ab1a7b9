"""A lender that releases its models, keeps what went wrong, and looks into it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lender import AT, Lender
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from towpath.assets.cases import Expectation, LedgerRegressionCases, NewCase
from towpath.core.clock import ManualClock, to_micros
from towpath.operate.decisions import Label, encode_frame
from towpath.operate.releases import LedgerReleases, Pins, ReleaseChecker
from towpath.trace.incidents import LedgerIncidents, Triager

if TYPE_CHECKING:
    import polars as pl

    from towpath.core.refs import Ref

ENV = "production"


class Bank(Lender):
    """A lender that releases its models, and keeps what went wrong."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.wall = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.clock = ManualClock(AT + timedelta(days=1))
        self.cases = LedgerRegressionCases(self.ledger, self.blobs, self.keyring, wall=self.wall)
        self.releases = LedgerReleases(ReleaseChecker(self.keyring, wall=self.wall))
        spec = {
            "project": "lending",
            "environment": ENV,
            "model": "loan",
            "subject_field": "applicant",
            "durability": "ack",
            "rollout": {"stages": [1.0]},
        }
        with self.ledger.write() as tx:
            tx.intents.put("service", "lending", project="lending", spec=spec, due=False)

    @property
    def incidents(self) -> LedgerIncidents:
        triager = Triager(self.ledger, self.blobs, self.keyring, self.datasets, self.decisions)
        return LedgerIncidents(
            self.ledger,
            self.decisions,
            self.cases,
            self.releases,
            triager=triager,
            clock=self.clock,
            wall=self.wall,
        )

    def label(self, decision: str, value: float) -> None:
        """Say what turned out to be true of a decision."""
        at = to_micros(AT)
        known = Label(decision_id=decision, value=value, at_us=at, recorded_us=at)
        self.writer.append(encode_frame(known)).result(10)

    def train(self, rows: pl.DataFrame, *, compiled: bool = False) -> Ref:
        """Register another version, which differs from those of other rows."""
        numbers = make_pipeline(StandardScaler(), LogisticRegression())
        numbers.only_numbers = True
        return self.register(numbers, rows, compiled=compiled)

    def put(self, model: Ref) -> int:
        """Release a model by hand; return the release's number."""
        with self.ledger.write() as tx:
            pins = self.releases.pins(tx, ENV).with_models({"lending": model})
            return self.releases.put_in_force(tx, ENV, pins, reason="test").ref.version or 0

    def check(self, model: Ref) -> Any:
        with self.ledger.read() as tx:
            return self.releases.check(tx, ENV, Pins(models={"lending": model}))

    def keep(self, model: Ref, rows: pl.DataFrame, expect: str, **said: Any) -> str:
        """Keep the first row as a case: what a model answered to it, and what it must."""
        decision = self.decisions.find(self.decide(model, rows[:1])[0])
        assert decision is not None
        fields: dict[str, Any] = {"name": "lending.1.1", "inputs": decision.inputs, **said}
        against = fields.pop("against", ())
        new = NewCase(
            service="lending",
            project="lending",
            incident="lending.1",
            decision=decision.decision_id,
            model=model,
            expectation=Expectation.parse(expect),
            subject=decision.subject,
            **fields,
        )
        return self.cases.keep(new, actor="ada", against=against).name
