"""A hundred, a thousand, ten thousand withdrawals at once: what taking them costs, and what others notice.

A home with a table, a model in traffic and a gateway's list to follow. Withdrawals of different people
come as fast as they are taken, while a reconciler works and somebody else keeps writing to the ledger
and looking up routes, as runs and gateways do. They must cost one retraining, and end in certificates.

Beside it: the same withdrawals one after another, each an erasure of its own, for as many as there is
time for; that is what every withdrawal would cost if none rode on another.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import structlog
from sklearn.linear_model import LogisticRegression

from benchmarks.dataset_version import READINGS
from benchmarks.erase import folder, rows
from benchmarks.harness import Result, measure
from towpath.assets.datasets import ParquetDatasetStore
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
from towpath.trace.erasure.contract import BATCH_MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from towpath.ledger import Intent, Ledger, Version

SIZES = {"100": 100, "1k": 1_000, "10k": 10_000}
ROWS = 200_000
ALONE = 3
_PEOPLE = 2_500
NOTES = """\
accept: one thread asks as fast as it is answered; suppression is in force with the answer
accept_listed: the same people in lists of a thousand, a transaction each
200,000 rows of 5,000 people; of each flood at most 2,500 are people of the table, the rest are nobody \
that the home knows, which costs the same to take
meanwhile: another thread reads the route, and starts and ends a run, fifty times a second, over the whole \
time that withdrawals are taken; fulfilling is the same while they are fulfilled, in this one process \
(a worker is another); quiet is before
fulfil: redaction, purge, retraining, rollout, scan for everybody, and the certificate; no worker processes, \
so starting those is not in it
each-alone: withdrawals that come one after another, each when the one before is certified\
""".splitlines()


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Take the withdrawals of each size in a home of its own, then a few alone."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, Any] = {}
    with folder() as place:
        template = place / "template"
        with Service(template) as service:
            service.begin()
        for size in sizes:
            shutil.copytree(template, place / size)
            with Service(place / size) as service:
                ours[size] = service.flood(SIZES[size])
            shutil.copytree(template, place / f"{size}-listed")
            with Service(place / f"{size}-listed") as service:
                ours[size] |= service.listed(SIZES[size])
        shutil.copytree(template, place / "alone")
        with Service(place / "alone") as service:
            alone = service.one_by_one(ALONE)
    return Result(
        name="withdrawal-flood",
        sizes=list(sizes),
        ours=ours,
        peers={"each-alone": alone},
        limit={},
        ratios={
            f"each-alone/{size}-cpu": alone["cpu_s_each"] / ours[size]["cpu_s_each"]
            for size in sizes
        }
        | {
            f"each-alone/{size}-retrainings": SIZES[size] / ours[size]["retrainings"]
            for size in sizes
        },
        growth={
            what: {size: ours[size][what] for size in sizes}
            for what in (
                "accept_cpu_ms_each",
                "accept_listed_cpu_ms_each",
                "fulfil_cpu_s",
                "retrainings",
                "read_ms_p99_meanwhile",
                "write_ms_p99_meanwhile",
                "read_ms_p99_fulfilling",
                "write_ms_p99_fulfilling",
            )
        },
        notes=NOTES,
    )


class Runs:
    """Trains in place what an erasure asks for."""

    kinds = ("pipeline_run",)

    def __init__(self, service: Service) -> None:
        self._service = service
        self.trained = 0

    def reconcile(self, held: Intent) -> None:
        """Train and register."""
        self.trained += 1
        version = self._service.train()
        with self._service.ledger.write() as tx:
            tx.intents.advance(held, phase="done", status={"model": str(version.ref)})


class Rollouts:
    """Promotes every challenger at once."""

    kinds = ("rollout",)

    def __init__(self, service: Service) -> None:
        self._service = service

    def reconcile(self, held: Intent) -> None:
        """Promote."""
        where = {"environment": "prod", "service": held.spec["service"], "rollout": held.name}
        challenger = Ref.parse(held.spec["challenger"], "model")
        trials = self._service.releases.trials
        with self._service.ledger.write() as tx:
            condemned = tx.versions.get(challenger).state != "approved"
            if held.phase == "new" and not condemned:
                trials.split(tx, **where, challenger=challenger, weight=0.1, stage=0)
                trials.promote(tx, **where)
                tx.intents.wake("service", held.spec["service"])
            outcome = "rolled_back" if condemned else "promoted"
            tx.intents.advance(held, phase="done", status={"outcome": outcome})


class Service:
    """A home with a table and a model in traffic, driven by hand."""

    def __init__(self, home: Path) -> None:
        home.mkdir(exist_ok=True)
        self._home = home
        self._database = open_database(f"sqlite:///{home}/towpath.db")
        self._database.migrate()
        keyring = FileKeyring(home / "keys")
        self.ledger = open_ledger(self._database, keyring)
        self._blobs = open_blobs(f"file://{home}/blobs")
        self._datasets = ParquetDatasetStore(self.ledger, self._blobs, keyring)
        self._models = ModelRegistry(self.ledger, self._blobs, keyring)
        self.releases = LedgerReleases()
        decisions = SegmentDecisionLog(self.ledger, self._blobs, home / "decisions")
        self._erasures = LedgerErasures(
            self.ledger, self._blobs, keyring, self._datasets, decisions
        )
        self._runs = Runs(self)
        parts = Parts(
            ledger=self.ledger,
            blobs=self._blobs,
            keyring=keyring,
            datasets=self._datasets,
            decisions=decisions,
            models=self._models,
            scanner=HomeScanner(home),
            scrub=self._database.scrub,
            quiet=timedelta(seconds=2),
        )
        reconcilers = [
            ErasureReconciler(parts),
            ServiceReconciler(self.ledger, self.releases),
            self._runs,
            Rollouts(self),
        ]
        self._loop = ControllerLoop(self.ledger, reconcilers, owner="worker")

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the database."""
        self._database.close()

    def begin(self) -> None:
        """Fill the table, and bring a model into traffic."""
        self._datasets.commit(READINGS, rows(0, ROWS), project="bench")
        self.train()
        spec = {
            "project": "bench",
            "environment": "prod",
            "model": "late",
            "subject_field": "meter",
            "durability": "ack",
            "rollout": {},
        }
        with self.ledger.write() as tx:
            tx.intents.put("service", "board", project="bench", spec=spec)
        self._until(self._serves)

    def train(self) -> Version:
        """Do what a pipeline run does, on the rows that are there now."""
        source = Ref("dataset", "readings", 1)
        frame = self._datasets.scan(source).select("x0", "x1").collect()
        fitted = Model.fit(LogisticRegression(), frame.select("x0"), frame["x1"] > 0)
        package = save_model(fitted, self._blobs)
        with self.ledger.write() as tx:
            run = tx.runs.start(kind="pipeline", name="train", project="bench")
            tx.graph.link(run.ref, "used", source)
        version = self._models.register(
            Registration(
                name="late",
                project="bench",
                package=package,
                run=run.id,
                pipeline="train",
                params={},
                code=Ref("code", "bench", 1),
                datasets=(source,),
                lock="0" * 64,
                conditions=digest_json([package, run.id]),
                champion=None,
                verdict="pass",
                report=self._blobs.put(b"# fine"),
                reference=self._blobs.put(run.id.encode()),
            )
        )
        with self.ledger.write() as tx:
            tx.runs.finish(run.id, "finished")
        return version

    def flood(self, count: int) -> dict[str, Any]:
        """Take so many withdrawals at once, and fulfil them."""
        quiet = Neighbour(self.ledger)
        with quiet:
            time.sleep(2)
        people = [self._name(number) for number in range(count)]
        neighbour = Neighbour(self.ledger)
        working = threading.Event()
        worker = threading.Thread(target=self._work, args=(working,), daemon=True)
        worker.start()
        began, cpu = time.perf_counter(), time.thread_time()
        with neighbour:
            for one in people:
                self._erasures.submit("meter", one)
            accept_cpu_s = time.thread_time() - cpu
            accept_s = time.perf_counter() - began
        working.set()
        worker.join()
        # One, unless taking them took longer than an erasure gathers for.
        drivers = {one.rides_on or one.id for one in self._erasures.list(limit=count)}
        beside = Neighbour(self.ledger)
        with beside:
            fulfilled = measure(lambda: self._until(lambda: self._are_done(drivers)))
        phases = {one.phase for one in self._erasures.list(limit=count)}
        if phases != {"certified"}:
            raise RuntimeError(f"some are {phases}")
        return {
            "accepted_per_s": count / accept_s,
            "accept_cpu_ms_each": accept_cpu_s / count * 1e3,
            "fulfil_cpu_s": fulfilled.cpu_s,
            "fulfil_wall_s": fulfilled.wall_s,
            "cpu_s_each": (accept_cpu_s + fulfilled.cpu_s) / count,
            "retrainings": self._runs.trained,
            "erasures": len(drivers),
            **{f"{name}_quiet": value for name, value in quiet.figures().items()},
            **{f"{name}_meanwhile": value for name, value in neighbour.figures().items()},
            **{f"{name}_fulfilling": value for name, value in beside.figures().items()},
        }

    def _are_done(self, erasures: Collection[str]) -> bool:
        return all(self._erasures.get(one).done for one in erasures)

    def listed(self, count: int) -> dict[str, float]:
        """Take so many withdrawals as lists, as a file or a call over HTTP brings them."""
        people = [self._name(number) for number in range(count)]
        cpu = time.thread_time()
        for begin in range(0, count, BATCH_MOST):
            self._erasures.submit_all("meter", people[begin : begin + BATCH_MOST])
        return {"accept_listed_cpu_ms_each": (time.thread_time() - cpu) / count * 1e3}

    def one_by_one(self, count: int) -> dict[str, Any]:
        """Fulfil each withdrawal before the next one comes."""

        def all_of_them() -> None:
            for number in range(count):
                erasure_id = self._erasures.submit("meter", self._name(number))
                self._until(lambda one=erasure_id: self._erasures.get(one).done)

        cost = measure(all_of_them)
        return {"cpu_s_each": cost.cpu_s / count, "retrainings": self._runs.trained}

    def _name(self, number: int) -> str:
        return f"meter-{number if number < _PEOPLE else 900_000 + number:06}"

    def _serves(self) -> bool:
        with self.ledger.read() as tx:
            return self.releases.champion(tx, "prod", "board") is not None

    def _work(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if not self._loop.step():
                stop.wait(0.1)

    def _until(self, over: Callable[[], bool]) -> None:
        while not over():
            stuck = [one.reason for one in self._erasures.list(limit=1) if one.phase == "blocked"]
            if stuck:
                raise RuntimeError(f"blocked: {stuck[0]}")
            if not self._loop.step():
                time.sleep(0.05)


class Neighbour:
    """Somebody else's work on the same ledger, timed."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._reads: list[float] = []
        self._writes: list[float] = []

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def figures(self) -> dict[str, float]:
        """Return the slowest of a hundred, in milliseconds."""
        return {"read_ms_p99": _p99(self._reads), "write_ms_p99": _p99(self._writes)}

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            began = time.perf_counter()
            with self._ledger.read() as tx:
                tx.intents.find("route", "prod")
            self._reads.append(time.perf_counter() - began)
            began = time.perf_counter()
            with self._ledger.write(actor="neighbour") as tx:
                run = tx.runs.start(kind="probe", name="probe", project="bench")
                tx.runs.finish(run.id, "finished")
            self._writes.append(time.perf_counter() - began)


def _p99(seconds: Sequence[float]) -> float:
    ordered = sorted(seconds) or [0.0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3


if __name__ == "__main__":
    from benchmarks.__main__ import readable

    sys.stdout.write(readable(run(sys.argv[1:] or tuple(SIZES))) + "\n")
