"""The story that the demo tells: train, serve, watch, mend, trace, forget."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from towpath.app.applying import apply
from towpath.app.clock import ReplayClock
from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.build.pipelines import recipe_of
from towpath.core.clock import parse_time
from towpath.core.errors import StepFailed
from towpath.demo.deliveries import Deliveries, delivering
from towpath.demo.feed import Feed
from towpath.demo.processes import Server, running
from towpath.demo.stages import Stopwatch
from towpath.demo.summary import summarise
from towpath.demo.traffic import DelayBoard
from towpath.demo.watching import Watcher
from towpath.operate.projects import load_project

if TYPE_CHECKING:
    from datetime import datetime

    from towpath.app.home import Home
    from towpath.app.supervising import Whereabouts
    from towpath.core.refs import Ref
    from towpath.demo.narrator import Narrator
    from towpath.demo.plan import Plan
    from towpath.ledger import Transaction
    from towpath.operate.projects import Project

PROJECT = Path(__file__).resolve().parent / "project"
SERVICE = "delay-board"
SUBJECT = "tailnum"
_SOON_S = 120.0
_TRAIN_S = 300.0


def tell(
    plan: Plan, folder: Path, narrator: Narrator, *, journal: Path | None = None
) -> dict[str, Any]:
    """Run the demo in a home, from wherever an earlier run of it stopped, and return its summary.

    Args:
        plan: What to replay.
        folder: The home.
        narrator: Whom to tell.
        journal: A file to which every answer is added as it arrives, for audits.
    """
    watch = Stopwatch()
    place = resolve_place(PROJECT, flags={"home": str(folder), "replay": True}, environ={})
    with watch.stage("read the year"):
        feed = Feed.read()
    with open_home(place) as home, ExitStack() as stack:
        with watch.stage("start the server"):
            server = stack.enter_context(running(home.place.home, PROJECT))
        narrator.began(server.where)
        project = load_project(PROJECT, "flights:project")
        deliveries = stack.enter_context(delivering(home, project))
        story = Story(
            plan,
            home,
            feed,
            project=project,
            deliveries=deliveries,
            watch=watch,
            narrator=narrator,
            server=server,
        )
        story.begin()
        asyncio.run(story.live(server.where, journal))
        return summarise(
            home, watch, service=SERVICE, reused=story.reused, explained=story.explained
        )


class Story:
    """One telling. Every step first looks at what is there, so that a story cut off can be resumed.

    Attributes:
        reused: What an earlier telling had done already, for the summary.
        explained: A decision, and what each column added to its answer; empty where an earlier telling
            has asked for it.
    """

    def __init__(
        self,
        plan: Plan,
        home: Home,
        feed: Feed,
        *,
        project: Project,
        deliveries: Deliveries,
        watch: Stopwatch,
        narrator: Narrator,
        server: Server,
    ) -> None:
        self.reused: dict[str, Any] = {}
        self.explained: dict[str, Any] = {}
        self._trusting = False
        self._plan = plan
        self._home = home
        self._feed = feed
        self._watch = watch
        self._narrator = narrator
        self._clock = ReplayClock(home.ledger)
        self._watcher = Watcher(home.ledger, server.is_alive)
        self._project = project
        self._module: Any = importlib.import_module("flights")  # since the project was loaded
        self._deliveries = deliveries
        self._tailnum = _most_frequent(feed, plan.opening)

    def begin(self) -> None:
        """Apply the project, take in what had landed by the opening, train and deploy."""
        plan, now = self._plan, self._clock.advance_to(self._plan.opening)
        with self._watch.stage("apply the project"):
            code = self._home.snapshot(self._project)
            self._declare(code)
        with self._watch.stage("ingest data"):
            if now == plan.opening:
                self._deliveries.deliver("planes", self._feed.planes, plan.first_day)
                self._ingest(plan.first_day, plan.opening)
        self._narrator.ingested(self._home, self._project)
        with self._watch.stage("train and deploy"):
            self._train(str(code), now)
            self._watcher.until(_online, "the first materialisation", within_s=_SOON_S)
        self._narrator.searched(self._home)
        self._release_in_step()
        self._narrator.deployed(self._home, SERVICE)

    async def live(self, where: Whereabouts, journal: Path | None) -> None:
        """Replay the months that follow as live traffic, until the withdrawal is fulfilled."""
        async with DelayBoard(
            where.gateway, SERVICE, self._module, self._feed, journal=journal
        ) as board:
            if self._home.erasures.list():
                board.forget(self._tailnum)
            self._narrator.in_step(board.says, await board.release())
            known = self._home.decisions.keys(SERVICE)
            decided = dict(known.select("key", "decision_id").iter_rows())
            waiting = set(known.filter(~pl.col("labelled"))["key"].to_list())
            self.reused["decisions"] = len(decided)
            now = self._clock.now()
            while now < self._plan.closing and not self._finished():
                now = await self._day(board, now, decided, waiting)
        self._narrator.lived(self._home, SERVICE)

    async def _day(
        self, board: DelayBoard, now: datetime, decided: dict[str, str], waiting: set[str]
    ) -> datetime:
        """Live through one step of event time and return where the clock stands then."""
        until = now + self._plan.step
        with self._watch.stage("live traffic"):
            rows = board.posted(now, until, share=self._plan.share)
            fresh = await board.ask(rows.filter(~pl.col("flight_id").is_in(list(decided))))
            decided.update(fresh)
            waiting.update(fresh)
            landed = board.landed(list(waiting)).filter(pl.col("landed") < until)
            await board.report(landed, decided)
            waiting.difference_update(landed["flight_id"])
        with self._watch.stage("ingest data"):
            self._feed_until(now, until)
        with self._watch.stage("monitor, retrain, roll out"):
            now = self._clock.advance_to(until)
            self._watcher.settle()
        self._narrator.day(self._home, now, SERVICE)
        if not self._trusting and self._ended():
            self._declare(self._home.snapshot(self._project))
            self._narrator.trusting(self._module.canary)
            self._narrator.in_step(board.says, await board.release())
        if self._ready_to_leave(now):
            await self._look_back(board)
            with self._watch.stage("erase"):
                self._withdraw(board)
        return now

    def _declare(self, code: Ref) -> None:
        """Apply the project; from the first rollout's end on with the way that the next ones go.

        As whoever owns the project would: change the line in its file, and `towpath apply`.
        """
        self._trusting = bool(self._ended())
        project = self._project
        if self._trusting:
            project = dataclasses.replace(project, rollout=self._module.canary)
        apply(self._home.ledger, project, code=code, environment=self._home.settings.environment)

    def _release_in_step(self) -> None:
        """Release the program together with the model that it asks, if it is in no release yet."""
        said, environment = self._module.screens.service_version, self._home.settings.environment
        releases = self._home.releases
        with self._home.ledger.write(actor="demo") as tx:
            pins = releases.pins(tx, environment)
            if said in pins.service_versions:
                return
            releases.put_in_force(
                tx, environment, pins.with_versions([said]), reason=f"{said} goes live"
            )
            generation = tx.intents.get("route", environment).generation
        self._home.switching.wait(environment, generation, timeout_s=_SOON_S)

    def _train(self, code: str, now: datetime) -> None:
        """Ask for the first model and wait until it serves; an earlier telling's is taken as it is."""
        spec = {
            "project": self._project.name,
            "pipeline": "train",
            "params": {},
            "code": code,
            "at": self._plan.opening.isoformat(),
            "pins": {},
            "reason": "manual",
        }
        with self._home.ledger.write(actor="demo") as tx:
            first = tx.intents.find("pipeline_run", "demo-first")
            if first is not None and first.phase == "failed":
                tx.intents.delete("pipeline_run", "demo-first")
                first = None
            if first is None:
                tx.intents.put("pipeline_run", "demo-first", project=self._project.name, spec=spec)
            elif now > self._plan.opening:
                self._repeat(tx)
        self._watcher.until(_nothing_runs, "the first training", within_s=_TRAIN_S)
        self._check_first()
        self._watcher.until(self._serves, "the first deployment", within_s=_SOON_S)
        with self._home.ledger.read() as tx:
            again = tx.intents.find("pipeline_run", "demo-again")
        if again is not None:
            self.reused["train"] = {
                "steps": again.status.get("steps"),
                "cached": again.status.get("cached"),
            }

    def _check_first(self) -> None:
        """Raise what the first training failed with, instead of waiting for a model that won't come."""
        with self._home.ledger.read() as tx:
            first = tx.intents.get("pipeline_run", "demo-first")
        if first.phase == "failed":
            raise StepFailed(
                f"the first training failed: {first.status.get('error')}",
                remedy="See run/up.log in the demo's folder.",
            )

    def _repeat(self, tx: Transaction) -> None:
        """Ask for the champion's own training again: nothing that was computed for it is computed again."""
        champion = self._home.releases.champion(tx, self._home.settings.environment, SERVICE)
        if champion is None:
            return
        spec = recipe_of(tx, tx.versions.get(champion), reason="manual: once more")
        if spec is None:
            return
        tx.intents.delete("pipeline_run", "demo-again")
        tx.intents.put("pipeline_run", "demo-again", project=self._project.name, spec=spec)

    def _serves(self, tx: Transaction) -> bool:
        environment = self._home.settings.environment
        return self._home.releases.champion(tx, environment, SERVICE) is not None

    def _feed_until(self, now: datetime, until: datetime) -> None:
        """Take in what has landed since the last time, once per feeding interval."""
        due = self._plan.opening
        while due + self._plan.feed_every <= until:
            due += self._plan.feed_every
        if due > now and due > self._plan.opening:
            self._ingest(due - self._plan.feed_every, due)

    def _ingest(self, since: datetime, until: datetime) -> None:
        self._deliveries.deliver("weather", self._feed.observed(since, until), until)
        self._deliveries.deliver("flights", self._feed.landed(since, until), until)

    def _ready_to_leave(self, now: datetime) -> bool:
        """Whether a rollout has ended long enough ago, and nobody has withdrawn yet."""
        if self._home.erasures.list():
            return False
        ended = self._ended()
        return bool(ended) and now >= min(ended) + self._plan.withdraw_after

    def _ended(self) -> list[datetime]:
        """Return when rollouts ended."""
        with self._home.ledger.read() as tx:
            rollouts = tx.intents.list("rollout", phases=["done"])
        return [parse_time(one.status["ended"]) for one in rollouts]

    async def _look_back(self, board: DelayBoard) -> None:
        """Ask of the newest decision where it came from, and why it is what it is."""
        keys = self._home.decisions.keys(SERVICE).sort("at", "decision_id")
        decision: str = keys["decision_id"][-1]
        with self._watch.stage("trace and explain"):
            self._narrator.traced(self._home, decision)
            self.explained = {"decision": decision, "added": await board.explain(decision)}
            self._narrator.explained(self.explained["added"])

    def _withdraw(self, board: DelayBoard) -> None:
        plan = self._home.erasures.plan(SUBJECT, self._tailnum)
        self._narrator.withdrawing(plan)
        self._home.erasures.submit(SUBJECT, self._tailnum, actor="demo")
        board.forget(self._tailnum)

    def _finished(self) -> bool:
        """Whether the withdrawal is fulfilled, or needs a person."""
        found = self._home.erasures.list()
        return bool(found) and (found[0].done or found[0].phase == "blocked")


def _most_frequent(feed: Feed, until: datetime) -> str:
    """Return the registered aeroplane that flew most before the opening: the one to withdraw."""
    flown = feed.flights.filter(pl.col("landed") < until).join(
        feed.planes, on="tailnum", how="semi"
    )
    counted = flown["tailnum"].value_counts()
    return str(counted.sort("count", "tailnum", descending=True)["tailnum"][0])


def _nothing_runs(tx: Transaction) -> bool:
    return not tx.intents.list("pipeline_run", phases=["new", "running"])


def _online(tx: Transaction) -> bool:
    """Whether every feature view of the project can be looked up."""
    return all(one.phase == "online" for one in tx.intents.list("feature_view"))
