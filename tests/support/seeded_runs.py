"""What runs and what starts runs, on top of the seeded home: a graph half way, schedules, a backfill."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl
from seeded_rows import START

from towpath.assets.models.family import TUNED
from towpath.build.pipelines import OUTLINE_TAG, Outline
from towpath.build.pipelines.formats import save_value
from towpath.build.pipelines.planning.outline import OutlineCandidate, OutlineNode
from towpath.build.pipelines.planning.wanting import KIND, RunRequest, want_run
from towpath.core.digests import digest_json
from towpath.core.refs import Ref
from towpath.ledger.logs import LogPart
from towpath.operate.scheduling import (
    BackfillReconciler,
    BackfillRequest,
    LedgerBackfills,
    pause,
)
from towpath.operate.webhooks import Webhook, WebhookState

if TYPE_CHECKING:
    from seeded_home import SeededHome

    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Run, RunStatus

BACKFILL = "flights.train.1"
OUTLINE = Outline(
    nodes=(
        OutlineNode(name="clean", step="flights.clean", reads=("flights",)),
        OutlineNode(name="daily", step="flights.daily", reads=("weather",)),
        OutlineNode(name="join", step="flights.join", needs=(0, 1)),
        OutlineNode(name="per_airport", step="flights.fit_one", kind="map", needs=(2,)),
        OutlineNode(name="describe", step="flights.describe", needs=(2,)),
        OutlineNode(name="blend", step="flights.blend", needs=(3,)),
    ),
    candidates=(OutlineCandidate(name="late", needs=5),),
)
SAID = "reading 25,800 rows\n" + "".join(
    f"\x1b[2m{place:3d}%\x1b[0m airport {place % 3 + 1} of 3, {place * 258:,} rows\n"
    for place in range(0, 100, 3)
)
_FAN = 40
_KEY = digest_json("the key of the seeded join")
_DESCRIBED = digest_json("the key of the seeded description")
_TRAIN = {"project": "flights", "pipeline": "train"}


def seed_runs(home: SeededHome) -> str:
    """Add them; return the id of the run that is half way."""
    run_id = _half_way(home)
    _family(home)
    _starts(home)
    _webhooks(home)
    return run_id


def _half_way(home: SeededHome) -> str:
    outline = home.blobs.put(msgspec.json.encode(OUTLINE))
    tags = {"reason": "schedule:flights.nightly", "pipeline": "train", OUTLINE_TAG: outline}
    with home.ledger.write() as tx:
        run = tx.runs.start(
            kind="pipeline",
            name="train",
            project="flights",
            params={"window": "8 weeks"},
            tags={**tags, "code": "code:flights@1", "pins": '{"flights":4,"weather":4}'},
        )
        for name, number in (("flights", 4), ("weather", 4)):
            tx.graph.link(run.ref, "used", Ref("dataset", name, number))
        calls: list[tuple[str, RunStatus | None, dict[str, str]]] = [
            ("clean", "finished", {"cached": "true"}),
            ("daily", "finished", {"cached": "true"}),
            ("join", "finished", {}),
            ("describe", "killed", {"stopped": "preempted"}),
            ("describe", None, {"attempt": "2"}),
            ("per_airport", None, {}),
            *(
                (f"per_airport/{place}", "finished" if place < _FAN * 2 // 3 else None, {})
                for place in range(_FAN * 2 // 3 + 2)
            ),
        ]
        for name, status, labels in calls:
            kind = "map" if name == "per_airport" else "step"
            call = tx.runs.start(
                kind=kind,
                name=name,
                project="flights",
                parent=run.id,
                key={"join": _KEY, "describe": _DESCRIBED}.get(name),
                tags=labels,
            )
            if labels.get("attempt") == "2":
                tx.line.set_resume_point(
                    _DESCRIBED, digest="5a" * 32, size_bytes=41_300, attempt=f"{run.id}/describe/1"
                )
                tx.logs.append({call.id: LogPart(begins=0, data=SAID.encode())})
            if name == "join":
                _keep(tx, home, call)
                tx.runs.set_tags(call.id, {"log": home.blobs.put(b"joined 25,800 rows\n")})
            if status is not None:
                why = "preempted" if status == "killed" else None
                tx.runs.finish(call.id, status, error=why)
    return run.id


def _keep(tx: Transaction, home: SeededHome, call: Run) -> None:
    """Fill the cache with what a step gave: a table with a column that looks personal."""
    rng = np.random.default_rng(5)
    count = 400
    frame = pl.DataFrame(
        {
            "flight": [f"UA{number}" for number in range(count)],
            "day": [START + timedelta(days=number % 30) for number in range(count)],
            "carrier": rng.choice(["UA", "DL", "AA"], count).tolist(),
            "delay": rng.normal(7, 22, count).round(1).tolist(),
            "seats": [None if number % 40 == 0 else 120 + number % 60 for number in range(count)],
            "contact": [f"passenger{number}@example.org" for number in range(count)],
        }
    )
    given = save_value(frame, pl.DataFrame, home.blobs)
    held = tx.cache.claim(
        _KEY, step="flights.join", parts={}, run_id=call.id, owner="seed", lease_s=60
    )
    outputs = {"artifacts": [msgspec.to_builtins(given)], "metrics": [], "params": {}, "log": None}
    tx.cache.fill(_KEY, fence=held.fence, outputs=outputs)
    tx.graph.link(given.ref, "made", call.ref)


def _family(home: SeededHome) -> None:
    """Fine-tune what the first weeks made, for nights; twice, and once for the winter."""
    with home.ledger.write() as tx:
        for name, parent, auc in (
            ("late-nights", Ref("model", "late", 2), 0.731),
            ("late-winter", Ref("model", "late-nights", 1), 0.744),
            ("late-nights", Ref("model", "late-nights", 1), 0.738),
        ):
            tx.versions.declare("model", name, project="flights", description="Fine-tuned")
            body = {
                **tx.versions.get(parent).body,
                "parent": str(parent),
                "gates": [],
                "verdict": "",
            }
            body |= {"metrics": {"roc_auc": auc, "log_loss": 0.44}, "report": None}
            made = tx.versions.commit(
                "model", name, digest=digest_json([name, auc]), body=body, state="candidate"
            )
            tx.graph.link(made.ref, TUNED, parent)
        tx.versions.set_state(Ref("model", "late-nights", 2), "approved", reason="gates: pass")


def _starts(home: SeededHome) -> None:
    now = home.services.clock.now()
    night = now.replace(hour=7, minute=0, second=0, microsecond=0)
    answers = [
        {"moment": (night - timedelta(days=ago)).isoformat(), "verdict": verdict, "why": why}
        for ago, verdict, why in (
            (3, "started", "schedule.flights.nightly.20130103t070000z"),
            (2, "skipped", "schedule.flights.nightly.20130103t070000z is still running"),
            (1, "started", "schedule.flights.nightly.20130105t070000z"),
        )
    ]
    status = {"until": now.isoformat(), "answers": answers}
    with home.ledger.write() as tx:
        for name, spec in (
            ("nightly", {"cron": "0 3 * * *", "tz": "America/New_York", "catch_up": True}),
            ("monday", {"cron": "30 6 * * 1", "tz": "Europe/Paris", "params": {"window": "1y"}}),
        ):
            tx.intents.put(
                "schedule",
                f"flights.{name}",
                project="flights",
                spec={**_TRAIN, "name": name, **spec},
                phase="watching",
                status=status if name == "nightly" else {},
                due=False,
            )
        pause(tx, "schedule", "flights.monday")
        for name, spec in (
            ("on-weather", {"dataset": "weather", "cooldown": "1d"}),
            ("imported", {"event": "com.airport.day.imported", "source": "/airports/nyc"}),
        ):
            told = {"version": "weather@4", "verdict": "cooling", "why": "1d have not passed"}
            tx.intents.put(
                "trigger",
                f"flights.{name}",
                project="flights",
                spec={**_TRAIN, "name": name, **spec},
                status={"cursor": 0, "answers": [{**told, "at": now.isoformat()}]}
                if name == "on-weather"
                else {},
                due=False,
            )
        request = RunRequest(**_TRAIN, code="code:flights@1", reason="manual")
        want_run(tx, "flights.manual", request)
    _backfill(home)


def _webhooks(home: SeededHome) -> None:
    """Declare one webhook that is told what happens, and one whose other side is away."""
    with home.ledger.write() as tx:
        told = tx.events.read(types=["run.finished", "alert.raised"], newest_first=True, limit=6)[
            ::-1
        ]
        for webhook, phase, due_in_s in (
            (Webhook("chat", url="${CHAT_URL}", secret="${CHAT_SECRET}"), "failing", 512.0),
            (
                Webhook(
                    "ops",
                    url="https://ops.example.org/towpath",
                    events=("run.finished", "alert.raised"),
                    secret="${OPS_SECRET}",
                ),
                "sending",
                2.0,
            ),
        ):
            state = WebhookState(cursor=told[0].seq if phase == "sending" else 0)
            if phase == "failing":
                for _ in range(9):
                    state = state.failed("chat.example.org answered 503")
            else:
                for event, code in zip(told, (204, 204, 422, 204, 204, 200), strict=True):
                    state = state.settled(event, code, at=event.at + timedelta(seconds=1))
            name = f"flights.{webhook.name}"
            spec = {"project": "flights", **asdict(webhook)}
            tx.intents.put("webhook", name, project="flights", spec=spec)
            tx.intents.report("webhook", name, status=msgspec.to_builtins(state), phase=phase)
            held = tx.intents.claim(["webhook"], owner="seed", lease_s=30)
            assert held is not None
            tx.intents.advance(held, phase=phase, status=held.status, due_in_s=due_in_s)


def _backfill(home: SeededHome) -> None:
    """Begin a backfill, end its first windows, and let it begin the next ones."""
    ledger = home.ledger
    begun = LedgerBackfills(ledger).start(
        BackfillRequest(
            **_TRAIN,
            code="code:flights@1",
            since=START,
            until=START + timedelta(days=120),
            every=timedelta(days=7),
            parallel=3,
        )
    )
    assert begun.name == BACKFILL
    for phases in (("done", "done", "failed"), ("done", "refused"), ()):
        _look(home)
        with ledger.read() as tx:
            new = tx.intents.list(KIND, prefix=f"backfill.{BACKFILL}.", phases=["new"])
        for row, phase in zip(new, phases, strict=False):
            error = "step 'fit' failed: no rows in the window" if phase == "failed" else None
            tx_status = {"run": home.runs[-1], "error": error}
            with ledger.write() as tx:
                tx.intents.report(KIND, row.name, status=tx_status, phase=phase)


def _look(home: SeededHome) -> None:
    with home.ledger.write() as tx:
        tx.intents.wake("backfill", BACKFILL)
    with home.ledger.write() as tx:
        held = tx.intents.claim(["backfill"], owner="seed", lease_s=30)
    assert held is not None
    BackfillReconciler(home.ledger).reconcile(held)
