"""A small home that has lived through the whole loop, written through the real stores.

Flights and weather, four model versions, one of them refused, a promoted and a running rollout, drift
that raised an alarm, a retraining, and a finished erasure. Numbers come from a seeded generator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from seeded_incidents import seed_incident
from seeded_parts import ENV, SERVICE, ListedErasures, decide
from seeded_rollouts import plan_spec, seeded_status
from seeded_rows import REPORT, SAID, START, bound, flights, plain, weather, window

from towpath.assets.cases import LedgerRegressionCases
from towpath.assets.datasets import ParquetDatasetStore
from towpath.assets.datasets.profiles import Profile
from towpath.core.clock import ManualClock
from towpath.core.digests import digest_bytes, digest_json
from towpath.core.refs import Ref
from towpath.ledger import Metric, open_ledger
from towpath.operate.decisions import SegmentDecisionLog
from towpath.operate.decisions.directory import SegmentDirectory
from towpath.operate.releases import LedgerReleases
from towpath.server import Services
from towpath.server.counting import DecisionTraffic
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.trace.audit import AuditedDecisions
from towpath.trace.incidents import LedgerIncidents, Triager
from towpath.trace.lineage import LedgerRowTracer, LedgerTracer

if TYPE_CHECKING:
    from towpath.ledger import Ledger, Transaction
    from towpath.storage.blobs import BlobStore
    from towpath.storage.database import Database

ERASURE = "0199a5c2d3e47f60a1b2c3d4e5f60718"
_TESTS = Path(__file__).resolve().parents[1]
CERTIFICATE = _TESTS / "unit" / "trace" / "erasure" / "golden" / "certificate.json"


@dataclass
class SeededHome:
    database: Database
    ledger: Ledger
    blobs: BlobStore
    services: Services
    decision_ids: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)

    def close(self) -> None:
        self.ledger.close()
        self.database.close()


def seed_home(folder: Path, *, days: int = 60, per_day: int = 12) -> SeededHome:
    """Make a home in `folder` and let it live through `days` of event time."""
    database = open_database(f"sqlite:///{folder}/towpath.db")
    database.migrate()
    keyring = FileKeyring(folder / "keys")
    ledger = open_ledger(database, keyring)
    blobs = open_blobs(f"file://{folder}/blobs")
    decisions = SegmentDecisionLog(ledger, blobs, folder / "decisions")
    tracer = LedgerTracer(ledger, decisions)
    clock = ManualClock(START + timedelta(days=days, hours=7, minutes=25))
    datasets = ParquetDatasetStore(ledger, blobs, keyring)
    cases = LedgerRegressionCases(ledger, blobs, keyring)
    services = Services(
        ledger=ledger,
        blobs=blobs,
        keyring=keyring,
        clock=clock,
        environment=ENV,
        tracer=tracer,
        rows=LedgerRowTracer(ledger, blobs, keyring, decisions, tracer),
        erasures=ListedErasures(ledger, blobs),
        traffic=DecisionTraffic(decisions, max_age_s=0),
        decisions=AuditedDecisions(ledger, decisions),
        cases=cases,
        incidents=LedgerIncidents(
            ledger,
            decisions,
            cases,
            LedgerReleases(),
            triager=Triager(ledger, blobs, keyring, datasets, decisions),
            clock=clock,
        ),
    )
    home = SeededHome(database, ledger, blobs, services)
    story = _Story(home, np.random.default_rng(7))
    story.project()
    for number in range(1, 5):
        story.week(number)
    story.live()
    story.monitors(days)
    story.erasure(keyring.subject_hash("tailnum", "N14228"))
    home.decision_ids += decide(SegmentDirectory(folder / "decisions"), days=days, per_day=per_day)
    if len(home.decision_ids) > 1:  # it is of two
        seed_incident(services, home.decision_ids[-2:])
    with ledger.write() as tx:
        tx.events.checkpoint()
    return home


class _Story:
    def __init__(self, home: SeededHome, rng: np.random.Generator) -> None:
        self.home, self.rng = home, rng
        self.releases = LedgerReleases()

    def project(self) -> None:
        spec = {
            "name": "flights",
            "owner": "ops@example.org",
            "risk": "limited",
            "description": "Will this flight land more than fifteen minutes late?",
            "code": "code:flights@1",
            "datasets": {"flights": {"type": "Dataset"}, "weather": {"type": "Dataset"}},
            "pipelines": {"train": {"parameters": {"window": "8 weeks"}}},
            "gates": [
                {"type": "Quality", "metric": "roc_auc", "at_least": 0.68},
                {"type": "NonInferior", "metric": "log_loss", "margin": 0.01},
            ],
            "monitors": {"drift": {"type": "Drift"}, "performance": {"type": "Performance"}},
            "triggers": {"retrain": {"type": "Retrain", "cooldown": "7d"}},
        }
        policy = {"stages": [0.1, 0.5, 1.0], "metric": "log_loss", "margin": 0.01}
        with self.home.ledger.write(actor="apply") as tx:
            tx.intents.put("project", "flights", project="flights", spec=spec, due=False)
            for name, text in (
                ("flights", "Departures from New York, 2013"),
                ("weather", "Hourly weather at the three airports"),
            ):
                tx.versions.declare("dataset", name, project="flights", description=text)
            tx.versions.declare(
                "model", "late", project="flights", description="Chance of arriving 15 min late"
            )
            tx.versions.declare("code", "flights", project="flights")
            tx.versions.commit(
                "code", "flights", digest=digest_bytes(b"code"), body={"files": 4, "lock": "l" * 64}
            )
            tx.versions.declare("service", SERVICE, project="flights")
            tx.intents.put(
                "service",
                SERVICE,
                project="flights",
                spec={
                    "project": "flights",
                    "environment": ENV,
                    "model": "late",
                    "subject_field": "tailnum",
                    "durability": "ack",
                    "rollout": policy,
                },
            )
            tx.versions.commit("service", SERVICE, digest="5" * 64, body={"model": "late"})

    def week(self, number: int) -> None:
        """Commit data, train on it, and judge the result."""
        rows = 9_000 + 4_200 * number
        with self.home.ledger.write(actor="towpath") as tx:
            rows_of_flights = self._dataset(
                tx, "flights", flights(self.rng, min(rows, 4_000)), rows, "append"
            )
            rows_of_weather = self._dataset(
                tx, "weather", weather(self.rng, 1_500), rows // 4, "append"
            )
            run = tx.runs.start(
                kind="pipeline",
                name="train",
                project="flights",
                params={"window": "8 weeks", "leaves": 31 + number},
                tags={"reason": "manual" if number == 1 else f"trigger:alert-{number}"},
            )
            self.home.runs.append(run.id)
            tx.graph.link(run.ref, "used", rows_of_flights)
            tx.graph.link(run.ref, "used", rows_of_weather)
            tx.graph.link(run.ref, "used", Ref("code", "flights", 1))
            previous = None
            for step in ("prepare", "split", "fit", "candidate"):
                previous = self._step(tx, run.id, step, number, reads=previous or rows_of_flights)
            tx.runs.finish(run.id, "finished")
            self._model(tx, number, run.id, [rows_of_flights, rows_of_weather])

    def _dataset(
        self, tx: Transaction, name: str, frame: pl.DataFrame, rows: int, mode: str
    ) -> Ref:
        personal = {"tailnum"} & set(frame.columns)
        profile = Profile.of(frame, hidden=personal)
        columns = [
            {"name": one, "type": plain(kind), "nullable": True, "description": SAID.get(one, "")}
            for one, kind in frame.schema.items()
        ]
        body = {
            "manifest": digest_json([name, rows]),
            "rows": rows,
            "bytes": rows * 38,
            "files": 16 if personal else 1,
            "columns": columns,
            "profile": self.home.blobs.put(profile.encode()),
            "key": [frame.columns[0]],
            "time": "scheduled" if personal else "observed",
            "subject": "tailnum" if personal else None,
            "subject_field": "tailnum" if personal else None,
            "buckets": 16 if personal else 1,
            "added_rows": rows if rows < 14_000 else rows // 5,
            "mode": mode,
        }
        return tx.versions.commit("dataset", name, digest=digest_json(body), body=body).ref

    def _step(self, tx: Transaction, parent: str, name: str, number: int, *, reads: Ref) -> Ref:
        step = tx.runs.start(
            kind="step",
            name=name,
            project="flights",
            parent=parent,
            key=digest_json([name, number]),
            tags={"cached": "true"} if name == "prepare" and number == 4 else {},
        )
        tx.graph.link(step.ref, "used", reads)
        output = Ref("artifact", digest_json([name, number, "out"]))
        tx.graph.link(output, "made", step.ref)
        tx.graph.link(Ref("run", parent), "used", output)
        if name == "fit":
            points = [
                Metric(
                    key=key,
                    value=floor + 0.3 * math.exp(-n / 22) + float(self.rng.normal(0, 0.002)),
                    step=n,
                    at=START + timedelta(seconds=n),
                )
                for n in range(120)
                for key, floor in (
                    ("train/log_loss", 0.42),
                    ("valid/log_loss", 0.46 - number / 200),
                )
            ]
            tx.runs.log_metrics(step.id, points)
        tx.runs.finish(step.id, "finished")
        return output

    def _model(self, tx: Transaction, number: int, run: str, sources: list[Ref]) -> None:
        refused = number == 3
        auc = 0.655 if refused else 0.701 + number / 300
        gates = [
            bound("roc_auc of late", "roc_auc", auc, half=0.012, at_least=0.68),
            bound(
                "log_loss beside the champion",
                "log_loss − champion",
                0.004 if refused else -0.006,
                half=0.005,
                at_most=0.01,
            ),
        ]
        verdict = "fail" if refused else "pass"
        body: dict[str, Any] = {
            "package": digest_json(["package", number]),
            "flavour": "lightgbm",
            "library": "lightgbm 4.7",
            "task": "binary",
            "signature": {
                "inputs": [
                    {"name": name, "datatype": kind, "shape": [-1]}
                    for name, kind in (
                        ("distance", "FP64"),
                        ("carrier", "BYTES"),
                        ("wind_speed", "FP64"),
                        ("visib", "FP64"),
                    )
                ],
                "outputs": [{"name": "late", "datatype": "FP64", "shape": [-1]}],
            },
            "metrics": {"roc_auc": auc, "log_loss": 0.472 - number / 200, "brier": 0.148},
            "gates": gates,
            "verdict": verdict,
            "report": self.home.blobs.put(REPORT.format(number=number, verdict=verdict).encode()),
            "run": run,
            "project": "flights",
            "pipeline": "train",
            "params": {"window": "8 weeks", "leaves": 31 + number},
            "code": "code:flights@1",
            "datasets": [str(source) for source in sources],
            "champion": f"model:late@{number - 1}" if number > 1 else None,
            "lock": digest_bytes(b"lock"),
            "attestation": {"key_id": "f00d" * 4, "signature": "c2ln"},
        }
        version = tx.versions.commit(
            "model", "late", digest=digest_json(body), body=body, state="candidate", made_by=run
        )
        state = "rejected" if refused else "approved"
        tx.versions.set_state(version.ref, state, reason=f"gates: {verdict}")

    def live(self) -> None:
        """Deploy the first model, promote the second, put the fourth on trial."""
        releases = self.releases
        common = {"environment": ENV, "service": SERVICE}
        with self.home.ledger.write(actor="service") as tx:
            releases.deploy(tx, **common, model=Ref("model", "late", 1), reason="first approved")
            for number, champion in ((2, 1), (4, 2)):
                name = f"{SERVICE}.{number}"
                challenger = Ref("model", "late", number)
                weight, stage = (0.5, 1) if number == 4 else (1.0, 2)
                releases.trials.split(
                    tx, **common, challenger=challenger, weight=weight, rollout=name, stage=stage
                )
                done = number == 2
                if done:
                    releases.trials.promote(tx, **common, rollout=name)
                tx.intents.put(
                    "rollout",
                    name,
                    project="flights",
                    spec={
                        "project": "flights",
                        **common,
                        "champion": f"model:late@{champion}",
                        "challenger": str(challenger),
                        **plan_spec(),
                    },
                    phase="done" if done else "running",
                    status=seeded_status(
                        self.rng, done=done, start=START + timedelta(days=20 * (number - 1))
                    ),
                )
            for worker in ("gateway-1", "gateway-2"):
                tx.intents.put(
                    "gateway",
                    worker,
                    project="towpath",
                    spec={"pid": 4242, "address": "127.0.0.1:8510"},
                    status={
                        "route_generation": 9,
                        "suppression_generation": 1,
                        "at": datetime.now(UTC).isoformat(),
                    },
                    due=False,
                )

    def monitors(self, days: int) -> None:
        """Judge a window per day; drift begins two thirds through."""
        onset = days * 2 // 3
        with self.home.ledger.write(actor="monitor") as tx:
            for kind in ("drift", "performance"):
                name = f"{SERVICE}.{kind}"
                run = tx.runs.start(kind="monitor", name=name, project="flights")
                windows = [window(self.rng, kind, day, onset) for day in range(days)]
                for day, judged in enumerate(windows):
                    at = START + timedelta(days=day + 1)
                    scores = {"score": judged["score"], "rows": judged["rows"]}
                    if kind == "performance":
                        scores |= {"log_loss": 0.44 + 0.02 * judged["score"]}
                        scores |= {"log_loss.promised": 0.45}
                    else:
                        scores |= {
                            f"distance.{one}": float(abs(self.rng.normal(0.06, 0.02)))
                            + (0.2 if day > onset and one == "temp" else 0)
                            for one in ("temp", "wind_speed", "distance", "carrier")
                        }
                    tx.runs.log_metrics(
                        run.id,
                        [
                            Metric(key=key, value=value, step=day, at=at)
                            for key, value in scores.items()
                        ],
                    )
                tx.intents.put(
                    "monitor",
                    name,
                    project="flights",
                    spec={
                        "project": "flights",
                        "environment": ENV,
                        "service": SERVICE,
                        "kind": kind,
                        "window": "1d",
                    },
                    phase="watching",
                    status={
                        "watermark": (START + timedelta(days=days)).isoformat(),
                        "model": "model:late@2",
                        "seen": days,
                        "windows": windows[-30:],
                    },
                )
            at = START + timedelta(days=onset + 2)
            tx.intents.put(
                "alert",
                "alert-4",
                project="flights",
                spec={
                    "monitor": f"{SERVICE}.drift",
                    "kind": "drift",
                    "service": SERVICE,
                    "project": "flights",
                    "model": "model:late@2",
                    "at": at.isoformat(),
                    "window": [(at - timedelta(days=1)).isoformat(), at.isoformat()],
                    "features": [
                        {"name": "temp", "statistic": "ks", "value": 0.31, "p": 0.0004},
                        {"name": "wind_speed", "statistic": "ks", "value": 0.17, "p": 0.011},
                    ],
                    "summary": "drift in temp and wind_speed",
                },
                due=False,
            )
            tx.events.append(
                "alert.raised",
                f"service:{SERVICE}",
                alert="alert-4",
                kind="drift",
                project="flights",
            )
            tx.intents.put(
                "pipeline_run",
                "retrain-4",
                project="flights",
                spec={"project": "flights", "pipeline": "train", "reason": "trigger:alert-4"},
                phase="done",
                status={"run": self.home.runs[-1], "model": "model:late@4", "verdict": "pass"},
            )

    def erasure(self, subject: str) -> None:
        """Finish one withdrawal: two data-set versions got smaller."""
        at = datetime.now(UTC) - timedelta(minutes=50)
        phases = (
            "suppressed",
            "acknowledged",
            "redacted",
            "purged",
            "retraining",
            "rolling_out",
            "retired",
            "verified",
            "certified",
        )
        with self.home.ledger.write(actor="erasure") as tx:
            for number in (3, 4):
                ref = Ref("dataset", "flights", number)
                body = tx.versions.get(ref).body
                smaller = {**body, "rows": body["rows"] - 111, "manifest": digest_json(number)}
                tx.versions.revise(
                    ref, digest=digest_json(smaller), body=smaller, reason=f"erasure:{ERASURE}"
                )
            certificate = self.home.blobs.put(CERTIFICATE.read_bytes())
            steps = [
                {"phase": phase, "at": (at + timedelta(minutes=4 * n)).isoformat()}
                for n, phase in enumerate(phases)
            ]
            steps[2] |= {"versions": 2, "rows": 222}
            steps[3] |= {"decisions": 41, "labels": 38, "artefacts": 6}
            steps[7] |= {"places": 214, "residue": 0}
            tx.intents.put(
                "erasure",
                ERASURE,
                project="towpath",
                spec={
                    "field": "tailnum",
                    "subject": subject,
                    "sealed": "c2VhbGVk",
                    "suppression": 1,
                    "requested_at": at.isoformat(),
                },
                phase="certified",
                status={
                    "steps": steps,
                    "datasets": [
                        {
                            "name": "flights",
                            "versions": [
                                {
                                    "ref": f"dataset:flights@{number}",
                                    "revision": 2,
                                    "before": "a" * 64,
                                    "after": "b" * 64,
                                    "rows_removed": 111,
                                }
                                for number in (3, 4)
                            ],
                            "rows_removed": 222,
                            "files_rewritten": 2,
                            "bytes_deleted": 81_220,
                        }
                    ],
                    "decisions": 41,
                    "labels": 38,
                    "artefacts": ["c" * 64],
                    "models": {
                        "model:late@2": {
                            "package": "d" * 64,
                            "services": [SERVICE],
                            "replacement": "model:late@4",
                        }
                    },
                    "scan": {"residue": []},
                    "certificate": certificate,
                },
            )
            tx.withdrawals.add(subject)
