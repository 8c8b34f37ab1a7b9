"""A tiny home with every real part but the pipeline's processes: those are one function here."""

from __future__ import annotations

import io
import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.models import Model, ModelRegistry, Registration, save_model
from towpath.core.digests import digest_json
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.ledger.controllers import ControllerLoop
from towpath.operate.decisions import SegmentDecisionLog
from towpath.operate.releases import LedgerReleases, ServiceReconciler
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.trace.erasure import ErasureReconciler, HomeScanner, LedgerErasures, Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from towpath.ledger import Intent, Ledger, Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.database import Database

SUBJECT = "N14228"
OTHERS = [f"N{number}UA" for number in range(200, 224)]
DEADLINE_S = 60.0


class Flight(Schema):
    flight_id: str
    tailnum: str
    scheduled: datetime
    distance: float
    late: int


flights = Dataset(
    "flights", schema=Flight, key="flight_id", time="scheduled", subject="tailnum", buckets=4
)


def rows(day: int, tails: list[str]) -> pl.DataFrame:
    """One flight per aeroplane on one day."""
    start = datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return pl.DataFrame(
        {
            "flight_id": [f"{day}-{n}" for n in range(len(tails))],
            "tailnum": tails,
            "scheduled": [start + timedelta(minutes=n) for n in range(len(tails))],
            "distance": [100.0 * (n + day % 3) for n in range(len(tails))],
            "late": [(n + day) % 2 for n in range(len(tails))],
        },
        schema_overrides={"scheduled": pl.Datetime("us", "UTC")},
    )


@dataclass
class TinyHome:
    """Everything an erasure touches, and the workers around it, driven by hand."""

    path: Path
    database: Database
    ledger: Ledger
    blobs: BlobStore
    keyring: FileKeyring
    datasets: ParquetDatasetStore
    decisions: SegmentDecisionLog
    models: ModelRegistry
    verdict: str = "pass"
    refused: set[str] = field(default_factory=set)
    outcomes: list[str] = field(default_factory=list)
    trained: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.releases = LedgerReleases()
        self.erasures = LedgerErasures(
            self.ledger, self.blobs, self.keyring, self.datasets, self.decisions
        )
        self.parts = Parts(
            ledger=self.ledger,
            blobs=self.blobs,
            keyring=self.keyring,
            datasets=self.datasets,
            decisions=self.decisions,
            models=self.models,
            scanner=HomeScanner(self.path),
            scrub=self.database.scrub,
            certificates=self.path / "certificates",
        )

    def train(self, *, pins: dict[str, int], reason: str = "manual", **_recipe: Any) -> Version:
        """Do what a pipeline run does: a cached step with an artefact, then a registered model.

        With a pin of `model:late` the step goes on from that version, in a pipeline of its own.
        """
        base = Ref("model", "late", pins["model:late"]) if "model:late" in pins else None
        pipeline = "train" if base is None else "tune"
        source = Ref("dataset", "flights", pins["flights"])
        frame = self.datasets.scan(source).sort("flight_id").collect()
        key = digest_json([str(source), frame.hash_rows().sum()])
        sink = io.BytesIO()
        frame.write_parquet(sink)
        artifact = self.blobs.put(sink.getvalue())
        features = frame.select("distance")
        strength = 1.0 if base is None else 1.0 + (base.version or 0)
        fitted = Model.fit(LogisticRegression(C=strength), features, frame["late"])
        package = save_model(fitted, self.blobs)
        printed = self.blobs.put(frame.head(3).write_json().encode())
        with self.ledger.write() as tx:
            run = tx.runs.start(
                kind="pipeline", name=pipeline, project="flights", tags={"reason": reason}
            )
            step = tx.runs.start(
                kind="step", name="fit", project="flights", parent=run.id, tags={"log": printed}
            )
            for made in (run, step):
                tx.graph.link(made.ref, "used", source)
            tx.graph.link(Ref("artifact", artifact), "made", step.ref)
            if base is not None:
                tx.graph.link(step.ref, "used", base)
                tx.graph.link(Ref("artifact", package), "made", step.ref)
            claimed = tx.cache.claim(
                key, step="fit", parts={"rows": key}, run_id=step.id, owner="test", lease_s=60
            )
            if claimed.state == "running":
                tx.cache.fill(key, fence=claimed.fence, outputs={"out": {"digest": artifact}})
            tx.runs.finish(step.id, "finished")
        version = self.models.register(
            Registration(
                name="late",
                project="flights",
                package=package,
                run=run.id,
                pipeline=pipeline,
                parent=base,
                params={"window": "8 weeks"},
                code=Ref("code", "flights", 1),
                datasets=(source,),
                lock="0" * 64,
                conditions=digest_json([package, run.id]),
                champion=None,
                verdict="fail" if pipeline in self.refused else self.verdict,
                report=self.blobs.put(b"# fine"),
                reference=self.blobs.put(f"reference of {run.id}".encode()),
            )
        )
        with self.ledger.write() as tx:
            tx.runs.finish(run.id, "finished")
        return version

    def loop(self, *, only: tuple[str, ...] = (), owner: str = "tests") -> ControllerLoop:
        """Return a loop over the reconcilers that an erasure relies on, or some of them."""
        reconcilers = [
            ErasureReconciler(self.parts),
            ServiceReconciler(self.ledger, self.releases),
            TinyRuns(self),
            TinyRollouts(self),
        ]
        chosen = [one for one in reconcilers if not only or one.kinds[0] in only]
        return ControllerLoop(self.ledger, chosen, owner=owner)

    def work(
        self,
        erasure_id: str,
        *,
        until: Callable[[Any], bool] | None = None,
        only: tuple[str, ...] = (),
    ) -> Any:
        """Reconcile until the erasure is certified, blocked, or as `until` says."""
        loop, deadline = self.loop(only=only), time.monotonic() + DEADLINE_S
        over = until or (lambda one: one.done or one.phase == "blocked")
        while not over(found := self.erasures.get(erasure_id)):
            assert time.monotonic() < deadline, f"still {found.phase}"
            loop.step()
        return found

    def serve(self) -> None:
        """Declare the service and let it deploy what is approved."""
        spec = {
            "project": "flights",
            "environment": "prod",
            "model": "late",
            "subject_field": "tailnum",
            "durability": "ack",
            "rollout": {},
        }
        with self.ledger.write() as tx:
            tx.intents.put("service", "delay-board", project="flights", spec=spec)
        loop = self.loop()
        deadline = time.monotonic() + DEADLINE_S
        while self.champion() is None:
            assert time.monotonic() < deadline
            loop.step()

    def champion(self) -> Ref | None:
        with self.ledger.read() as tx:
            return self.releases.champion(tx, "prod", "delay-board")

    def ledger_size(self) -> int:
        with self.ledger.read() as tx:
            return tx.events.size()

    def state(self, model: str) -> str:
        with self.ledger.read() as tx:
            return tx.versions.get(Ref.parse(model, "model")).state


@dataclass
class TinyRuns:
    """Executes `pipeline_run` rows in place."""

    home: TinyHome
    kinds: tuple[str, ...] = ("pipeline_run",)

    def reconcile(self, held: Intent) -> None:
        self.home.trained.append(dict(held.spec))
        version = self.home.train(**held.spec)
        refused = version.state != "approved"
        with self.home.ledger.write() as tx:
            tx.intents.advance(
                held,
                phase="refused" if refused else "done",
                status={"model": str(version.ref), "verdict": self.home.verdict},
            )


@dataclass
class TinyRollouts:
    """Promotes every challenger at once, or does with it what `outcomes` says next."""

    home: TinyHome
    kinds: tuple[str, ...] = ("rollout",)

    def reconcile(self, held: Intent) -> None:
        where = {"environment": "prod", "service": held.spec["service"], "rollout": held.name}
        outcome = held.status.get("outcome")
        with self.home.ledger.write() as tx:
            if held.phase == "new":
                outcome = self.home.outcomes.pop(0) if self.home.outcomes else "promoted"
                challenger = Ref.parse(held.spec["challenger"], "model")
                self.home.releases.trials.split(
                    tx, **where, challenger=challenger, weight=0.1, stage=0
                )
                if outcome == "promoted":
                    self.home.releases.trials.promote(tx, **where)
                else:
                    self.home.releases.trials.roll_back(tx, **where)
                tx.intents.wake("service", held.spec["service"])
            status = {"outcome": outcome, "evidence": {"upper": 0.001}}
            tx.intents.advance(held, phase="done", status=status)


def open_tiny_home(path: Path) -> TinyHome:
    """Open the parts that lie in a folder, as a process does that starts after another died."""
    keyring = FileKeyring(path / "keys")
    database = open_database(f"sqlite:///{path}/towpath.db")
    database.migrate()
    ledger = open_ledger(database, keyring)
    blobs = open_blobs(f"file://{path}/blobs")
    return TinyHome(
        path=path,
        database=database,
        ledger=ledger,
        blobs=blobs,
        keyring=keyring,
        datasets=ParquetDatasetStore(ledger, blobs, keyring),
        decisions=SegmentDecisionLog(ledger, blobs, path / "decisions"),
        models=ModelRegistry(ledger, blobs, keyring),
    )


@pytest.fixture
def bare_home(tmp_path: Path, migrated_file: Path) -> Iterator[TinyHome]:
    """The parts, and nothing in them."""
    shutil.copy(migrated_file, tmp_path / "towpath.db")
    tiny = open_tiny_home(tmp_path)
    yield tiny
    tiny.ledger.close()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a home with models, to be copied: training them is the slow part."""
    path = tmp_path_factory.mktemp("trained")
    tiny = open_tiny_home(path)
    tiny.datasets.commit(flights, rows(0, OTHERS), project="flights")
    tiny.datasets.commit(flights, rows(1, [*OTHERS, SUBJECT]), project="flights")
    tiny.datasets.commit(flights, rows(2, [SUBJECT, *OTHERS]), project="flights")
    for number in (1, 2, 3):
        tiny.train(pins={"flights": number})
    tiny.serve()
    tiny.ledger.close()
    tiny.database.close()
    return path


@pytest.fixture
def home(tmp_path: Path, trained: Path, record: Any) -> Iterator[TinyHome]:
    """Two versions that hold the subject and one that doesn't, a model on each, the last one live."""
    tiny = live_home(tmp_path, trained, record)
    yield tiny
    tiny.ledger.close()


@pytest.fixture
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, trained: Path, recorder: Any
) -> Iterator[TinyHome]:
    """The same home once more, to compare with."""
    path = tmp_path_factory.mktemp("undisturbed")
    tiny = live_home(path, trained, recorder(path))
    yield tiny
    tiny.ledger.close()


def live_home(path: Path, trained: Path, record: Any) -> TinyHome:
    shutil.copytree(trained, path, dirs_exist_ok=True)
    tiny = open_tiny_home(path)
    hashed = tiny.keyring.subject_hash("tailnum", SUBJECT)
    for _ in range(3):
        record(subject=hashed, label=1.0, model="model:late@3")
    other = tiny.keyring.subject_hash("tailnum", OTHERS[0])
    record(subject=other, label=0.0, model="model:late@3")
    return tiny
