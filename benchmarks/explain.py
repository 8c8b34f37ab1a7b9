"""What an explanation costs by the size of the data that the model learnt from, part by part.

A lender's model, a hundred trees of LightGBM over five inputs, learns from a data set of so many loans; one
refused decision is explained. Whole is what somebody waits for: the decision found in the log, the event that
it was read, shares of the inputs, nearest training rows, the cheapest changes that flip it, and the letter.

The limit is the library itself with its model in memory: contributions of one row, and the leaves of every
training row, which are what shares and nearest rows can't be had without.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import polars as pl
import structlog

from benchmarks.harness import Result
from towpath.assets.code import environment_lock
from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.models import Model, load_package, load_predictor, save_model
from towpath.assets.models.attestation import attest
from towpath.assets.models.explaining import load_structure
from towpath.assets.models.reference import build_reference
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.operate.decisions import (
    Decision,
    DecisionIds,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    encode_frame,
)
from towpath.operate.releases import Actionable, Recourse
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.trace.explaining import LedgerDecisionExplainer
from towpath.trace.explaining.attributing import attribute
from towpath.trace.explaining.counterfactuals import find_counterfactuals
from towpath.trace.explaining.nearest import find_nearest
from towpath.trace.explaining.recorded import find_recorded
from towpath.trace.explaining.training_rows import TrainingRowReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIZES = {"10k": 10_000, "100k": 100_000, "300k": 300_000}
INPUTS = ("income", "amount", "debts", "years", "region")
TREES = 100
ROUNDS = 5
WITHDRAWN = 10_000
AT_US = 1_709_283_600_000_000


class Loan(Schema):
    loan_id: int
    applicant: str
    income: float
    amount: float
    debts: float
    years: int
    region: int
    granted: int


LOANS = Dataset("loans", schema=Loan, key="loan_id", subject="applicant", buckets=16)
RECOURSE = Recourse(
    threshold=0.5,
    granted="your loan is granted",
    refused="your loan is not granted",
    actionable=(
        Actionable("amount", direction="down", step=1000.0, least=1000.0, cost=1.0),
        Actionable("debts", direction="down", step=1.0, least=0.0, cost=2.0),
        Actionable("years", direction="up", step=1, most=40, cost=3.0),
    ),
)


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Explain one decision of a model that learnt from so many rows, ours and the library's part in turn."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, Any] = {}
    limit: dict[str, Any] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="towpath-explain-") as folder:
            ours[size], limit[size] = _measured(Path(folder), SIZES[size])
    return Result(
        name="explain",
        sizes=list(sizes),
        ours=ours,
        peers={},
        limit=limit,
        ratios={
            f"limit/{size}-{part}": limit[size][part] / ours[size][part]
            for size in sizes
            for part in limit[size]
        },
        growth={part: {size: ours[size][part] for size in sizes} for part in ours[sizes[0]]},
        notes=[
            "milliseconds, medians; whole is the answer with its event, from a home that is open",
            f"{TREES} trees of 31 leaves; {WITHDRAWN:,} people have withdrawn",
            "ours reads the training rows from the data set each time: no copy of them is kept",
        ],
    )


def _measured(folder: Path, count: int) -> tuple[dict[str, float], dict[str, float]]:
    lender = _Lender(folder, _loans(count))
    mine, bare = _in_turn(lender.parts()), _in_turn(lender.bare())
    lender.close()
    return mine, bare


def _in_turn(parts: dict[str, Callable[[], object]]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in parts}
    for turn in range(ROUNDS + 1):
        for name, work in parts.items():
            began = time.perf_counter()
            work()
            if turn:
                taken[name].append((time.perf_counter() - began) * 1e3)
    return {f"{name}_ms": statistics.median(times) for name, times in taken.items()}


def _loans(count: int) -> pl.DataFrame:
    random = np.random.default_rng(11)
    income = random.normal(40_000, 12_000, count).clip(9_000).round(-2)
    amount = random.normal(160_000, 60_000, count).clip(10_000).round(-3)
    debts = random.normal(30, 9, count).clip(0).round(0)
    years = random.integers(5, 31, count)
    odds = (income - 36_000) / 9_000 - (amount - 150_000) / 60_000 - (debts - 30) / 6
    odds += (years - 18) / 10 + random.normal(0, 0.4, count)
    return pl.DataFrame(
        {
            "loan_id": np.arange(count),
            "applicant": [f"P{at:07}" for at in range(count)],
            "income": income,
            "amount": amount,
            "debts": debts,
            "years": years,
            "region": random.integers(0, 20, count),
            "granted": (odds > 0).astype(int),
        }
    )


class _Lender:
    """A home with a model, and one decision that it refused."""

    def __init__(self, folder: Path, rows: pl.DataFrame) -> None:
        self._database = open_database(f"sqlite:///{folder}/towpath.db")
        self._database.migrate()
        self._keyring = FileKeyring(folder / "keys")
        self._ledger = open_ledger(self._database, self._keyring)
        self._blobs = open_blobs(f"file://{folder}/blobs")
        self._datasets = ParquetDatasetStore(self._ledger, self._blobs, self._keyring)
        self._datasets.commit(LOANS, rows, project="lending")
        self._decisions = SegmentDecisionLog(self._ledger, self._blobs, folder / "decisions")
        self._features = rows.select(INPUTS)
        self._booster = lightgbm.LGBMClassifier(n_estimators=TREES, n_jobs=1, verbose=-1)
        self._package = self._register(rows)
        self._decision = self._refuse(folder / "decisions", rows)

    def parts(self) -> dict[str, Callable[[], object]]:
        """Return what an explanation does, and its parts, each by itself."""
        explainer = LedgerDecisionExplainer(
            self._ledger, self._blobs, self._keyring, self._datasets, self._decisions
        )
        recorded = find_recorded(self._ledger, self._decisions, self._decision)
        reader = TrainingRowReader(self._ledger, self._blobs, self._datasets)
        package = load_package(self._package, self._blobs)
        structure = load_structure(self._package, self._blobs)
        rows = reader.read(recorded.version, package)
        assert not isinstance(rows, str), rows
        return {
            "whole": lambda: explainer.explain(self._decision, near=5, actor="bench"),
            "shares": lambda: attribute(recorded, self._blobs, {}),
            "training_rows": lambda: reader.read(recorded.version, package),
            "nearest": lambda: find_nearest(
                recorded.columns,
                rows,
                package,
                structure,
                near=5,
                keys=False,
                ledger=self._ledger,
                keyring=self._keyring,
            ),
            "counterfactuals": lambda: find_counterfactuals(
                RECOURSE,
                dict(recorded.decision.inputs),
                recorded.decision.outputs[package.output],
                predictor=load_predictor(self._package, self._blobs),
                inputs=package.inputs,
                structure=structure,
                descriptions={},
            ),
        }

    def bare(self) -> dict[str, Callable[[], object]]:
        """Return what the library does for two of them."""
        every = self._features.to_numpy().astype(float)
        booster = self._booster.booster_
        return {
            "shares": lambda: booster.predict(every[:1], pred_contrib=True, num_threads=1),
            "nearest": lambda: booster.predict(every, pred_leaf=True, num_threads=1),
        }

    def close(self) -> None:
        """Let go of the files."""
        self._ledger.close()
        self._database.close()

    def _register(self, rows: pl.DataFrame) -> str:
        model = Model.fit(self._booster, self._features, rows["granted"])
        package = save_model(model, self._blobs)
        manifest = load_package(package, self._blobs)
        reference = build_reference(self._features, columns=list(INPUTS), task=model.task)
        ref = Ref("model", "loan", 1)
        body = {
            "package": package,
            "files": dict(manifest.files),
            "flavour": manifest.flavour,
            "library": manifest.library,
            "signature": manifest.signature.to_json(),
            "reference": self._blobs.put(reference.encode()),
            "report": self._blobs.put(b"a report"),
            "datasets": ["dataset:loans@1"],
            "lock": self._blobs.put(environment_lock()),
        }
        signed = {**body, "attestation": attest(ref, body, self._keyring)}
        spec = {
            "project": "lending",
            "model": "loan",
            "subject_field": "applicant",
            "recourse": RECOURSE.to_spec(),
        }
        with self._ledger.write() as tx:
            tx.versions.declare("model", "loan", project="lending")
            tx.versions.commit("model", "loan", digest=package, body=signed, state="approved")
            tx.intents.put("service", "lending", project="lending", spec=spec, due=False)
            for number in range(WITHDRAWN):
                tx.withdrawals.add(f"{number:032x}")
        return package

    def _refuse(self, folder: Path, rows: pl.DataFrame) -> str:
        predictor = load_predictor(self._package, self._blobs)
        some = rows.head(1000)
        columns = {name: some[name].to_list() for name in INPUTS}
        answers = predictor.predict(columns)[predictor.signature.output].tolist()
        at = min(range(len(answers)), key=lambda one: abs(answers[one] - 0.3))
        decision = Decision(
            decision_id=DecisionIds().next(),
            at_us=AT_US,
            recorded_us=AT_US,
            service="lending",
            release="release:production@1",
            model="model:loan@1",
            arm="champion",
            subject=self._keyring.subject_hash("applicant", some["applicant"][at]),
            inputs={name: columns[name][at] for name in INPUTS},
            outputs={predictor.signature.output: answers[at]},
        )
        writer = SegmentWriter(SegmentDirectory(folder))
        writer.append(encode_frame(decision)).result(10)
        writer.close()
        return decision.decision_id
