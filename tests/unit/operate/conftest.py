"""A small production: real models, a real route and a real decision log, served by a loop."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from towpath.assets.models import Model, Predictor, load_predictor, save_model
from towpath.assets.models.reference import build_reference
from towpath.core.clock import ManualClock, to_micros
from towpath.core.refs import Ref
from towpath.operate.decisions import (
    Decision,
    DecisionIds,
    Label,
    SegmentDecisionLog,
    SegmentDirectory,
    SegmentWriter,
    Signal,
    encode_frame,
)
from towpath.operate.decisions.compaction import Compactor
from towpath.operate.releases import LedgerReleases
from towpath.operate.rollouts.shadows import shadow_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.ledger.records import Intent, Version
    from towpath.storage.blobs import BlobStore

START = datetime(2013, 3, 1, tzinfo=UTC)
ENV, SERVICE = "production", "board"
_TRAINED: dict[str, tuple[Model, bytes, Any]] = {}


def world(rows: int, rng: np.random.Generator, *, shift: float = 0.0) -> pl.DataFrame:
    """Rows whose outcome follows from `wind` and `load`; `kind` says nothing."""
    wind, load = rng.normal(shift, 1, rows), rng.normal(0, 1, rows)
    chance = 1 / (1 + np.exp(-(1.2 * wind - 0.8 * load - 1)))
    return pl.DataFrame(
        {"wind": wind, "load": load, "late": (rng.random(rows) < chance).astype(np.int8)}
    )


@dataclass
class Production:
    """Commits models, deploys them, and answers and labels requests as a gateway would."""

    ledger: Ledger
    blobs: BlobStore
    path: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    releases: LedgerReleases = field(default_factory=LedgerReleases)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def __post_init__(self) -> None:
        self.decisions = SegmentDecisionLog(self.ledger, self.blobs, self.path)
        self._writer = SegmentWriter(SegmentDirectory(self.path))
        self._ids = DecisionIds()
        self._predictors: dict[str, Predictor] = {}
        with self.ledger.write() as tx:
            tx.versions.declare("model", "late", project="flights")
            spec = {"subject_field": "tailnum", "durability": "ack", "model": "late"}
            tx.intents.put("service", SERVICE, project="flights", spec=spec, due=False)

    def close(self) -> None:
        self._writer.close()

    def seal(self) -> None:
        """Turn all that was answered so far into Parquet files."""
        self._writer.close()
        Compactor(self.ledger, self.blobs, self.path).compact()
        self._writer = SegmentWriter(SegmentDirectory(self.path))

    def model(
        self, *, noise: float = 0.0, flip: bool = False, reference: bytes | None = None
    ) -> Version:
        """Commit an approved model; `noise` wears it out and `flip` makes it wrong on purpose."""
        # The same numbers make the same model, and most tests begin with them: trained once by each process.
        begin = repr((self.rng.bit_generator.state, noise, flip))
        if begin not in _TRAINED:
            made = self._train(noise=noise, flip=flip)
            _TRAINED[begin] = (*made, self.rng.bit_generator.state)
        model, built, self.rng.bit_generator.state = _TRAINED[begin]
        package = save_model(model, self.blobs)
        predictor = load_predictor(package, self.blobs)
        body = {
            "package": package,
            "signature": predictor.signature.to_json(),
            "reference": self.blobs.put(reference or built),
            "pipeline": "train",
            "params": {},
        }
        with self.ledger.write() as tx:
            return tx.versions.commit("model", "late", digest=package, body=body, state="approved")

    def _train(self, *, noise: float, flip: bool) -> tuple[Model, bytes]:
        """Return a model, and the reference of what it was trained and tested on."""
        training = world(3000, self.rng)
        times = [START - timedelta(days=30) + timedelta(days=30 * i / 3000) for i in range(3000)]
        training = training.with_columns(
            pl.Series("at", times, dtype=pl.Datetime("us", "UTC")),
            wind=pl.col("wind") + noise * self.rng.normal(size=3000),
            late=1 - pl.col("late") if flip else pl.col("late"),
        )
        features = training.select("wind", "load")
        model = Model.fit(LogisticRegression(), features, training["late"], output="late")
        predictor = load_predictor(save_model(model, self.blobs), self.blobs)
        test = world(1000, self.rng)
        score = predictor.predict({name: test[name].to_list() for name in ("wind", "load")})["late"]
        seen = [START - timedelta(days=7) + timedelta(days=7 * i / 1000) for i in range(1000)]
        scores = pl.DataFrame({"score": score, "outcome": test["late"], "time": seen})
        built = build_reference(
            training, columns=["wind", "load"], time="at", scores=scores, test=test
        )
        return model, built.encode()

    def deploy(self, model: Version) -> None:
        with self.ledger.write() as tx:
            self.releases.deploy(
                tx, environment=ENV, service=SERVICE, model=model.ref, reason="test"
            )

    def serve(
        self,
        rows: int,
        *,
        hours: float = 24,
        fails: Callable[[str], float] = lambda _arm: 0.0,
        shift: float = 0.0,
        split: float | None = None,
        labels: bool = True,
        contrary: bool = False,
        delay: timedelta = timedelta(hours=2),
        signal: tuple[str, dict[str, float]] | None = None,
        latency_us: Callable[[str], int] = lambda _arm: 0,
    ) -> None:
        """Answer requests spread over the next hours, label them `delay` later, and move the clock.

        Args:
            fails: Arm to the probability that its answer is an error.
            shift: Moves the requests' `wind`.
            contrary: Makes the opposite come true of what follows from the inputs.
            split: The share that really reaches the challenger, where it is not the route's.
            signal: Something that customers do `delay` later, and how often by arm.
            latency_us: How long an arm takes.
        """
        with self.ledger.read() as tx:
            route = self.releases.route(tx, ENV).services[SERVICE]
        requests = world(rows, self.rng, shift=shift)
        begin = self.clock.now()
        records: list[bytes] = []
        columns = {name: requests[name].to_list() for name in ("wind", "load")}
        scores = {
            arm.arm: self._predictor(arm.package).predict(columns)["late"] for arm in route.arms
        }
        for row in range(rows):
            at = begin + timedelta(hours=hours * row / rows)
            caller = f"caller-{self.rng.integers(0, 1 << 40)}"
            share = route.challenger.weight if route.challenger else 0.0
            lot = int(hashlib.sha256(f"{route.salt}/{caller}".encode()).hexdigest()[:8], 16) / 2**32
            chosen = lot < (share if split is None or not route.challenger else split)
            arm = route.arms[1 if chosen and route.challenger else 0]
            failed = self.rng.random() < fails(arm.arm)
            decision = Decision(
                decision_id=self._ids.next(),
                at_us=to_micros(at),
                recorded_us=to_micros(at),
                service=SERVICE,
                release=f"release:{ENV}@{arm.release}",
                model=arm.model,
                arm=arm.arm,
                rollout=route.rollout,
                stage=route.stage,
                subject=hashlib.sha256(caller.encode()).hexdigest()[:32],
                inputs={name: values[row] for name, values in columns.items()},
                outputs={} if failed else {"late": float(scores[arm.arm][row])},
                status="error" if failed else "ok",
                error="it broke" if failed else None,
                latency_us=latency_us(arm.arm),
            )
            records.append(encode_frame(decision))
            shadow = route.challenger
            if shadow is not None and shadow.arm == "shadow":
                broke = self.rng.random() < fails("shadow")
                copy = msgspec.structs.replace(
                    decision,
                    decision_id=self._ids.next(),
                    service=shadow_of(SERVICE),
                    model=shadow.model,
                    arm="shadow",
                    key=decision.decision_id,
                    inputs={},
                    outputs={} if broke else {"late": float(scores["shadow"][row])},
                    status="error" if broke else "ok",
                )
                records.append(encode_frame(copy))
            if signal is not None and self.rng.random() < signal[1][arm.arm]:
                sent = Signal(
                    decision_id=decision.decision_id,
                    name=signal[0],
                    value=1.0,
                    at_us=to_micros(at + delay),
                    recorded_us=to_micros(at + delay),
                )
                records.append(encode_frame(sent))
            if labels:
                label = Label(
                    decision_id=decision.decision_id,
                    value=float(requests["late"][row] ^ contrary),
                    at_us=to_micros(at + delay),
                    recorded_us=to_micros(at + delay),
                )
                records.append(encode_frame(label))
        self._writer.append(b"".join(records)).result(10)
        self.clock.advance(timedelta(hours=hours))

    def put(self, kind: str, name: str, /, **spec: Any) -> None:
        whole = {"project": "flights", "environment": ENV, "service": SERVICE, **spec}
        with self.ledger.write() as tx:
            tx.intents.put(kind, name, project="flights", spec=whole)

    def step(self, reconciler: Any, *, times: int = 1) -> Intent | None:
        """Let the reconciler take steps on what is due, as a worker would; return the last row."""
        row = None
        for _ in range(times):
            with self.ledger.write() as tx:
                for kind in reconciler.kinds:
                    for intent in tx.intents.list(kind):
                        if intent.phase != "done":
                            tx.intents.wake(kind, intent.name)
                held = tx.intents.claim(reconciler.kinds, owner="test", lease_s=60)
            if held is None:
                break
            reconciler.reconcile(held)
            with self.ledger.read() as tx:
                row = tx.intents.get(held.kind, held.name)
        return row

    def _predictor(self, package: str) -> Predictor:
        if package not in self._predictors:
            self._predictors[package] = load_predictor(package, self.blobs)
        return self._predictors[package]


@pytest.fixture
def production(
    sqlite_ledger: Ledger, disk_blobs: BlobStore, tmp_path: Path
) -> Iterator[Production]:
    production = Production(sqlite_ledger, disk_blobs, tmp_path / "decisions")
    yield production
    production.close()


@pytest.fixture
def model_ref() -> Callable[[int], Ref]:
    return lambda number: Ref("model", "late", number)


@pytest.fixture
def dying(tmp_path: Path) -> Iterator[Callable[[Path], Callable[[object], int]]]:
    """What starts a program of dying workers, which reads moments to die at and writes exit codes.

    What it gives for a program runs one worker, told its moment, and returns the exit code.
    """
    with ExitStack() as programs:

        def start(program: Path) -> Callable[[object], int]:
            process = programs.enter_context(
                subprocess.Popen(
                    [sys.executable, str(program), str(tmp_path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )

            def run(dies_at: object) -> int:
                process.stdin.write(f"{dies_at}\n")
                process.stdin.flush()
                while (said := process.stdout.readline()) and not said.strip(" -\n").isdecimal():
                    pass  # log lines
                return int(said)

            return run

        yield start
