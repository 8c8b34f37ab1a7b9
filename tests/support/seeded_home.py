"""A small home that has lived through the whole loop, written through the real stores.

Flights and weather, four model versions, one of them refused, a promoted and a running roll-out, drift
that raised an alarm, a retraining, and a finished erasure. Numbers come from a seeded generator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from towpath.assets.datasets.profiles import Profile
from towpath.core.clock import ManualClock, to_micros
from towpath.core.digests import digest_bytes, digest_json
from towpath.core.ids import uuid7
from towpath.core.refs import Ref
from towpath.ledger import Metric, open_ledger
from towpath.operate.decisions import SegmentDecisionLog
from towpath.operate.decisions.directory import SegmentDirectory
from towpath.operate.decisions.frames import encode_frame
from towpath.operate.decisions.records import Decision
from towpath.operate.decisions.writer import SegmentWriter
from towpath.operate.releases import LedgerReleases
from towpath.server import Services
from towpath.server.counting import DecisionTraffic
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.trace.erasure.state import erasure_of
from towpath.trace.lineage import LedgerTracer

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Ledger, Transaction
    from towpath.storage.blobs import BlobStore
    from towpath.storage.database import Database
    from towpath.trace.erasure.contract import Erasure

START = datetime(2013, 3, 1, tzinfo=UTC)
ENV = "production"
SERVICE = "delay-board"
ERASURE = "0199a5c2d3e47f60a1b2c3d4e5f60718"


@dataclass
class SeededHome:
    database: Database
    ledger: Ledger
    blobs: BlobStore
    services: Services
    decision_ids: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    def close(self) -> None:
        self.ledger.close()
        self.database.close()


class ListedErasures:
    """The reading half of `Erasures`, straight from the intents."""

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger, self._blobs = ledger, blobs

    def get(self, erasure_id: str) -> Erasure:
        with self._ledger.read() as tx:
            return erasure_of(tx.intents.get("erasure", erasure_id))

    def list(self, *, limit: int = 1000) -> list[Erasure]:
        with self._ledger.read() as tx:
            found = [erasure_of(one) for one in tx.intents.list("erasure", limit=limit)]
        return found[::-1]

    def certificate(self, erasure_id: str) -> bytes:
        digest = self.get(erasure_id).certificate
        assert digest is not None
        return self._blobs.get(digest)


def seed_home(folder: Path, *, days: int = 60, per_day: int = 12) -> SeededHome:
    """Make a home in `folder` and let it live through `days` of event time."""
    database = open_database(f"sqlite:///{folder}/towpath.db")
    database.migrate()
    keyring = FileKeyring(folder / "keys")
    ledger = open_ledger(database, keyring)
    blobs = open_blobs(f"file://{folder}/blobs")
    decisions = SegmentDecisionLog(ledger, blobs, folder / "decisions")
    services = Services(
        ledger=ledger,
        blobs=blobs,
        keyring=keyring,
        clock=ManualClock(START + timedelta(days=days, hours=7, minutes=25)),
        environment=ENV,
        tracer=LedgerTracer(ledger, decisions),
        erasures=ListedErasures(ledger, blobs),
        traffic=DecisionTraffic(decisions, max_age_s=0),
    )
    home = SeededHome(database, ledger, blobs, services)
    story = _Story(home, np.random.default_rng(7))
    story.project()
    for number in range(1, 5):
        story.week(number)
    story.live()
    story.monitors(days)
    story.erasure(keyring.subject_hash("tailnum", "N14228"))
    _decide(home, SegmentDirectory(folder / "decisions"), days, per_day)
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
            flights = self._dataset(
                tx, "flights", _flights(self.rng, min(rows, 4_000)), rows, "append"
            )
            weather = self._dataset(tx, "weather", _weather(self.rng, 1_500), rows // 4, "append")
            run = tx.runs.start(
                kind="pipeline",
                name="train",
                project="flights",
                params={"window": "8 weeks", "leaves": 31 + number},
                tags={"reason": "manual" if number == 1 else f"trigger:alert-{number}"},
            )
            self.home.runs.append(run.id)
            tx.graph.link(run.ref, "used", flights)
            tx.graph.link(run.ref, "used", weather)
            tx.graph.link(run.ref, "used", Ref("code", "flights", 1))
            previous = None
            for step in ("prepare", "split", "fit", "candidate"):
                previous = self._step(tx, run.id, step, number, previous, flights)
            tx.runs.finish(run.id, "finished")
            self._model(tx, number, run.id, flights, weather, previous)

    def _dataset(
        self, tx: Transaction, name: str, frame: pl.DataFrame, rows: int, mode: str
    ) -> Ref:
        personal = {"tailnum"} & set(frame.columns)
        profile = Profile.of(frame, hidden=personal)
        columns = [
            {"name": one, "type": _plain(kind), "nullable": True, "description": _SAID.get(one, "")}
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

    def _step(
        self, tx: Transaction, parent: str, name: str, number: int, made: Ref | None, source: Ref
    ) -> Ref:
        step = tx.runs.start(
            kind="step",
            name=name,
            project="flights",
            parent=parent,
            key=digest_json([name, number]),
            tags={"cached": "true"} if name == "prepare" and number == 4 else {},
        )
        tx.graph.link(step.ref, "used", made or source)
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

    def _model(
        self,
        tx: Transaction,
        number: int,
        run: str,
        flights: Ref,
        weather: Ref,
        package: Ref | None,
    ) -> None:
        refused = number == 3
        auc = 0.655 if refused else 0.701 + number / 300
        gates = [
            _bound("roc_auc of late", "roc_auc", auc, 0.012, 0.68, "at_least", refused),
            _bound(
                "log_loss beside the champion",
                "log_loss − champion",
                0.004 if refused else -0.006,
                0.005,
                0.01,
                "at_most",
                False,
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
            "report": self.home.blobs.put(_REPORT.format(number=number, verdict=verdict).encode()),
            "run": run,
            "project": "flights",
            "pipeline": "train",
            "params": {"window": "8 weeks", "leaves": 31 + number},
            "code": "code:flights@1",
            "datasets": [str(flights), str(weather)],
            "champion": f"model:late@{number - 1}" if number > 1 else None,
            "lock": digest_bytes(b"lock"),
            "attestation": {"key_id": "f00d" * 4, "signature": "c2ln"},
        }
        version = tx.versions.commit(
            "model", "late", digest=digest_json(body), body=body, state="candidate", made_by=run
        )
        if package is not None:
            tx.graph.link(version.ref, "made", Ref("run", run))
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
                releases.split(
                    tx, **common, challenger=challenger, weight=weight, rollout=name, stage=stage
                )
                done = number == 2
                if done:
                    releases.promote(tx, **common, rollout=name)
                tx.intents.put(
                    "rollout",
                    name,
                    project="flights",
                    spec={
                        "project": "flights",
                        **common,
                        "champion": f"model:late@{champion}",
                        "challenger": str(challenger),
                        "stages": [0.1, 0.5, 1.0],
                        "metric": "log_loss",
                        "margin": 0.01,
                        "max_duration": "14d",
                        "alpha": 0.05,
                        "on_timeout": "rollback",
                    },
                    phase="done" if done else "running",
                    status=_looks(
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
                windows = [_window(self.rng, kind, day, onset) for day in range(days)]
                for day, window in enumerate(windows):
                    at = START + timedelta(days=day + 1)
                    scores = {"score": window["score"], "rows": window["rows"]}
                    if kind == "performance":
                        scores |= {"log_loss": 0.44 + 0.02 * window["score"]}
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
            tx.events.append("alert.raised", f"service:{SERVICE}", alert="alert-4", kind="drift")
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
            certificate = self.home.blobs.put(
                b'{"statement":{"id":"%s","rows":222},"signature":{"key_id":"f00d"}}'
                % ERASURE.encode()
            )
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
            tx.intents.put(
                "suppression", "all", project="towpath", spec={"hashes": [subject]}, due=False
            )


def _decide(home: SeededHome, directory: SegmentDirectory, days: int, per_day: int) -> None:
    writer = SegmentWriter(directory)
    rng = np.random.default_rng(3)
    for day in range(days):
        for place in range(per_day + int(4 * math.sin(day / 3))):
            at = START + timedelta(days=day, hours=5 + 17 * place / (per_day + 4))
            number = 1 if day < days / 3 else 2
            if day > days * 0.75 and rng.random() < (0.1 if day < days * 0.85 else 0.5):
                number = 4
            decision = Decision(
                decision_id=str(uuid7()),
                at_us=to_micros(at),
                recorded_us=to_micros(at),
                service=SERVICE,
                release=f"release:{ENV}@{ {1: 1, 2: 2, 4: 3}[number] }",
                model=f"model:late@{number}",
                arm="challenger" if number == 4 else "champion",
                key=f"flight-{day}-{place}",
                inputs={"distance": 1400.0, "carrier": "UA"},
                outputs={"late": float(rng.random())},
                status="error" if rng.random() < 0.002 else "ok",
                latency_us=int(rng.integers(300, 900)),
            )
            home.decision_ids.append(decision.decision_id)
            writer.append(encode_frame(decision), urgent=False)
    writer.flush()
    writer.close()


def _bound(
    gate: str, metric: str, value: float, half: float, threshold: float, direction: str, fails: bool
) -> dict[str, Any]:
    verdict = "fail" if fails else "pass"
    words = direction.replace("_", " ")
    return {
        "gate": gate,
        "verdict": verdict,
        "summary": f"{metric} {value:.4g} [{value - half:.4g}, {value + half:.4g}], "
        f"wanted {words} {threshold:g}, on 6,214 rows",
        "evidence": {
            "metric": metric,
            "estimate": value,
            "lower": value - half,
            "upper": value + half,
            "confidence": 0.95,
            "threshold": threshold,
            "direction": direction,
            "rows": 6_214,
        },
    }


def _looks(rng: np.random.Generator, *, done: bool, start: datetime) -> dict[str, Any]:
    history = []
    total = 40 if done else 26
    for n in range(1, total + 1):
        half = 0.09 / math.sqrt(n)
        estimate = -0.004 + float(rng.normal(0, half / 5))
        stage = 0 if n < total * 0.4 else 1
        decision = "hold"
        if n == int(total * 0.4):
            decision = "advance"
        elif done and n == total:
            decision = "promote"
        history.append(
            {
                "at": (start + timedelta(hours=8 * n)).isoformat(),
                "stage": stage,
                "n_champion": 210 * n,
                "n_challenger": (24 if stage == 0 else 140) * n,
                "estimate": estimate,
                "lower": estimate - half,
                "upper": estimate + half,
                "decision": decision,
            }
        )
    return {
        "stage": 1,
        "weight": 1.0 if done else 0.5,
        "since": start.isoformat(),
        "history": history,
        "outcome": "promoted" if done else None,
        "reason": "the upper bound of harm lies below the margin" if done else "not sure yet",
        "evidence": {"upper": history[-1]["upper"], "margin": 0.01} if done else {},
    }


def _window(rng: np.random.Generator, kind: str, day: int, onset: int) -> dict[str, Any]:
    since = START + timedelta(days=day)
    rise = max(0, day - onset)
    score = abs(float(rng.normal(0.1, 0.06))) + (rise % 9) ** 1.7 / 20 * (kind == "drift")
    return {
        "since": since.isoformat(),
        "until": (since + timedelta(days=1)).isoformat(),
        "rows": int(rng.integers(700, 990)),
        "judged": True,
        "score": score,
        "alarm": score > 1,
        "features": [{"name": "temp", "statistic": "ks", "value": 0.31, "p": 0.0004}]
        if score > 1
        else [],
    }


def _flights(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "flight_id": np.arange(rows),
            "scheduled": [START + timedelta(minutes=11 * n) for n in range(rows)],
            "tailnum": [f"N{n % 400:05d}" for n in range(rows)],
            "carrier": rng.choice(["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E"], rows),
            "origin": rng.choice(["EWR", "JFK", "LGA"], rows, p=[0.36, 0.33, 0.31]),
            "distance": np.abs(rng.gamma(2.2, 460, rows)) + 80,
            "hour": rng.integers(5, 24, rows),
            "arr_delay": rng.gumbel(-12, 22, rows),
            "late": rng.random(rows) < 0.24,
        }
    )


def _weather(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "origin": rng.choice(["EWR", "JFK", "LGA"], rows),
            "observed": [START + timedelta(hours=n) for n in range(rows)],
            "temp": rng.normal(52, 14, rows),
            "wind_speed": np.abs(rng.weibull(1.9, rows) * 11),
            "visib": np.where(rng.random(rows) < 0.8, 10.0, rng.random(rows) * 10),
        }
    )


def _plain(kind: pl.DataType) -> str:
    return str(kind).partition("(")[0].lower()


_SAID = {
    "flight_id": "Carrier, number and scheduled departure",
    "scheduled": "Scheduled departure, UTC",
    "tailnum": "Aeroplane; stands in for a data subject",
    "distance": "Miles between the airports",
    "arr_delay": "Minutes late at the gate; negative is early",
    "temp": "Degrees Fahrenheit",
    "wind_speed": "Miles per hour",
    "visib": "Miles",
}

_REPORT = """# late@{number}: {verdict}

| gate | verdict | finding |
|---|---|---|
| roc_auc of late | {verdict} | 0.71 [0.70, 0.72], wanted at least 0.68 |
| log_loss beside the champion | pass | −0.006 [−0.011, −0.001], wanted at most 0.01 |

Judged on **6,214** held-back rows that neither model was trained on.
"""
