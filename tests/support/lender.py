"""A lender's home: mortgages in a data set, a model that learnt from them, and decisions it made."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import polars as pl

from towpath.assets.code import environment_lock
from towpath.assets.datasets import Dataset, Doc, ParquetDatasetStore, Schema
from towpath.assets.models import Model, compile_package, load_package, load_predictor, save_model
from towpath.assets.models.attestation import attest
from towpath.assets.models.reference import build_reference
from towpath.core.clock import to_micros
from towpath.core.refs import Ref
from towpath.operate.decisions import (
    Decision,
    DecisionIds,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)
from towpath.operate.releases import Actionable, Recourse
from towpath.trace.explaining import LedgerDecisionExplainer, LedgerReplayer

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring

INPUTS = ["income", "amount", "debts", "years", "region"]
AT = datetime(2024, 3, 1, 9, tzinfo=UTC)


class Loan(Schema):
    loan_id: str
    applicant: str
    income: Annotated[float, Doc("yearly income in euros")]
    amount: Annotated[float, Doc("amount of the loan in euros")]
    debts: Annotated[float, Doc("monthly debts in percent of income")]
    years: int
    region: str
    granted: int


LOANS = Dataset("loans", schema=Loan, key="loan_id", subject="applicant", buckets=4)

RECOURSE = Recourse(
    granted="your loan is granted",
    refused="your loan is not granted",
    actionable=(
        Actionable("amount", direction="down", step=1000.0, least=1000.0, cost=1.0),
        Actionable("debts", direction="down", step=1.0, least=0.0, cost=2.0),
        Actionable("years", direction="up", step=1, most=40, cost=3.0, words="the years to repay"),
    ),
    contact="Write to loans@example.org to have a person look at it.",
)


def loans(count: int = 400) -> pl.DataFrame:
    random = np.random.default_rng(11)
    income = random.normal(40_000, 12_000, count).clip(9_000).round(-2)
    amount = random.normal(160_000, 60_000, count).clip(10_000).round(-3)
    debts = random.normal(30, 9, count).clip(0).round(0)
    years = random.integers(5, 31, count)
    odds = (income - 36_000) / 9_000 - (amount - 150_000) / 60_000 - (debts - 30) / 6
    odds += (years - 18) / 10 + random.normal(0, 0.4, count)
    return pl.DataFrame(
        {
            "loan_id": [f"L{at:04}" for at in range(count)],
            "applicant": [f"P{at:04}" for at in range(count)],
            "income": income,
            "amount": amount,
            "debts": debts,
            "years": years,
            "region": random.choice(["north", "south"], count),
            "granted": (odds > 0).astype(int),
        }
    )


@dataclass
class Lender:
    """A small home, whose parts tests ask directly."""

    ledger: Ledger
    blobs: BlobStore
    keyring: Keyring
    folder: Path
    datasets: ParquetDatasetStore = field(init=False)
    decisions: SegmentDecisionLog = field(init=False)
    writer: SegmentWriter = field(init=False)
    ids: DecisionIds = field(default_factory=DecisionIds)

    def __post_init__(self) -> None:
        self.datasets = ParquetDatasetStore(self.ledger, self.blobs, self.keyring)
        self.decisions = SegmentDecisionLog(self.ledger, self.blobs, self.folder / "decisions")
        self.writer = SegmentWriter(SegmentDirectory(self.folder / "decisions"))

    @property
    def replayer(self) -> LedgerReplayer:
        return LedgerReplayer(self.ledger, self.blobs, self.keyring, self.decisions)

    @property
    def explainer(self) -> LedgerDecisionExplainer:
        return LedgerDecisionExplainer(
            self.ledger, self.blobs, self.keyring, self.datasets, self.decisions
        )

    def add_loans(self, rows: pl.DataFrame) -> Ref:
        return self.datasets.commit(LOANS, rows, project="lending").ref

    def merge_loans(self, rows: pl.DataFrame) -> Ref:
        return self.datasets.commit(LOANS, rows, project="lending", mode="merge").ref

    def register(self, estimator: Any, rows: pl.DataFrame, *, compiled: bool = False) -> Ref:
        """Make a model version as a registry does, of all rows but the outcome."""
        features = rows.select(name for name in INPUTS if name in rows.columns)
        if getattr(estimator, "only_numbers", False):
            features = features.drop("region")
        model = Model.fit(estimator, features, rows["granted"])
        package = save_model(model, self.blobs)
        if compiled:
            package = compile_package(package, features, self.blobs)
        reference = build_reference(features, columns=features.columns, task=model.task)
        manifest = load_package(package, self.blobs)
        with self.ledger.write() as tx:
            latest = tx.versions.latest("model", "loan")
            if latest is None:
                tx.versions.declare("model", "loan", project="lending")
            ref = Ref("model", "loan", 1 if latest is None else latest.ref.version + 1)
            body = {
                "package": package,
                "files": dict(manifest.files),
                "flavour": manifest.flavour,
                "library": manifest.library,
                "signature": manifest.signature.to_json(),
                "reference": self.blobs.put(reference.encode()),
                "report": self.blobs.put(b"a report"),
                "datasets": ["dataset:loans@1"],
                "lock": self.blobs.put(environment_lock()),
            }
            signed = {**body, "attestation": attest(ref, body, self.keyring)}
            tx.versions.commit("model", "loan", digest=package, body=signed, state="approved")
        return ref

    def serve(self, recourse: Recourse | None = RECOURSE, **logging: Any) -> None:
        """Declare the service, as `towpath apply` does."""
        spec = {
            "project": "lending",
            "model": "loan",
            "subject_field": "applicant",
            "description": "decides on mortgages",
            "logging": logging or None,
            "recourse": None if recourse is None else recourse.to_spec(),
        }
        with self.ledger.write() as tx:
            tx.intents.put("service", "lending", project="lending", spec=spec, due=False)

    def withdraw(self, subject: str) -> None:
        """Put somebody on the suppression list; nothing is erased yet."""
        with self.ledger.write() as tx:
            tx.withdrawals.add(subject)

    def decide(self, model: Ref, rows: pl.DataFrame, **said: Any) -> list[str]:
        """Answer rows as one request, and record them as the gateway does."""
        with self.ledger.read() as tx:
            version = tx.versions.get(model)
        predictor = load_predictor(version.body["package"], self.blobs)
        names = [spec.name for spec in predictor.signature.inputs]
        columns = {name: rows[name].to_list() for name in names}
        answers = predictor.predict(columns)[predictor.signature.output].tolist()
        made: list[str] = []
        for at, answer in enumerate(answers):
            decision_id = self.ids.next()
            fields: dict[str, Any] = {
                "at_us": to_micros(AT),
                "recorded_us": to_micros(AT),
                "service": "lending",
                "release": "release:production@1",
                "model": str(model),
                "arm": "champion",
                "subject": self.keyring.subject_hash("applicant", rows["applicant"][at]),
                "inputs": {name: columns[name][at] for name in names},
                "outputs": {predictor.signature.output: answer},
                **said,
            }
            record = Decision(decision_id=decision_id, **fields)
            self.writer.append(encode_frame(record)).result(10)
            made.append(decision_id)
        return made
