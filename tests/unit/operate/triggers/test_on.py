"""New versions and events from outside start runs: levels once for the newest, facts once each."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.pipelines import pipeline
from towpath.core.errors import InvalidName, InvalidProject, InvalidRequest
from towpath.core.refs import Ref
from towpath.operate.scheduling import pause
from towpath.operate.triggers import Arrival, EventInbox, On, fire
from towpath.operate.triggers.reconciler import TriggerReconciler

if TYPE_CHECKING:
    from towpath.ledger.records import Intent
    from towpath.storage.keys import Keyring

ORDER = "com.shop.order.imported"


class Ears:
    """Declares triggers, lets things happen, and lets the triggers answer."""

    def __init__(self, production: Any, keyring: Keyring) -> None:
        self.production = production
        self.reconciler = TriggerReconciler(production.ledger, production.clock)
        self.inbox = EventInbox(production.ledger, keyring)
        production.put("project", "flights", code="code:flights@1", pipelines={"train": {}})

    def declare(self, **fields: Any) -> None:
        trigger = On(**fields)
        self.production.put("trigger", f"flights.{trigger.name}", **asdict(trigger))
        self.answer_all()

    def commit(self, name: str = "flights", *, made_by: str | None = None) -> None:
        with self.production.ledger.write() as tx:
            tx.versions.declare("dataset", name, project="flights")
            tx.versions.commit("dataset", name, digest="0" * 64, body={}, made_by=made_by)

    def carry_out(self, run: Intent, *, commits: str) -> None:
        """Do what a worker does with a run that ends in a version, made by one of its steps."""
        tags = {"pipeline": run.spec["pipeline"], "reason": run.spec["reason"]}
        with self.production.ledger.write() as tx:
            whole = tx.runs.start(kind="pipeline", name="train", project="flights", tags=tags)
            step = tx.runs.start(kind="step", name="tidy", project="flights", parent=whole.id)
        self.commit(commits, made_by=step.id)
        self.end_run()

    def verdicts(self, name: str) -> list[str]:
        with self.production.ledger.read() as tx:
            status = tx.intents.get("trigger", name).status
        return [one["verdict"] for one in status["answers"]]

    def send(self, id: str, *, type: str = ORDER, source: str = "/shop", **data: Any) -> str:
        arrival = Arrival(id=id, source=source, type=type, attributes={"subject": id}, data=data)
        return self.inbox.take([arrival])[0]

    def answer(self) -> None:
        self.production.step(self.reconciler)

    def answer_all(self) -> None:
        """Let each of several triggers answer once."""
        ledger = self.production.ledger
        with ledger.write() as tx:
            for one in tx.intents.list("trigger"):
                tx.intents.wake("trigger", one.name)
        while True:
            with ledger.write() as tx:
                held = tx.intents.claim(["trigger"], owner="test", lease_s=60)
            if held is None:
                return
            self.reconciler.reconcile(held)

    def runs(self) -> list[Intent]:
        with self.production.ledger.read() as tx:
            return tx.intents.list("pipeline_run")

    def end_run(self, phase: str = "done") -> None:
        with self.production.ledger.write() as tx:
            held = tx.intents.claim(["pipeline_run"], owner="test", lease_s=60)
            tx.intents.advance(held, phase=phase)

    def rows(self, kind: str) -> list[Intent]:
        with self.production.ledger.read() as tx:
            return tx.intents.list(kind)


@pytest.fixture
def ears(production: Any, keyring: Keyring) -> Ears:
    return Ears(production, keyring)


def test_a_new_version_is_run_for_and_pinned(ears: Ears):
    ears.commit()
    ears.declare(dataset="flights")
    ears.answer()
    assert ears.runs() == []  # it was there before the trigger was
    ears.commit("flights~what-if")
    ears.commit("weather")
    ears.commit()
    ears.answer()
    (run,) = ears.runs()
    assert (run.spec["pipeline"], run.spec["pins"]) == ("train", {"flights": 2})
    assert run.spec["reason"] == "trigger:flights@2"


def test_versions_that_come_during_a_run_are_answered_together_by_the_newest(ears: Ears):
    ears.declare(dataset="flights")
    ears.commit()
    ears.answer()
    for _ in range(3):
        ears.commit()
        ears.answer()
    assert len(ears.runs()) == 1
    ears.end_run()
    ears.answer()
    assert [run.spec["pins"]["flights"] for run in ears.runs()] == [1, 4]
    ears.end_run()
    ears.answer()
    assert len(ears.runs()) == 2


def test_a_version_that_the_trigger_brought_about_starts_nothing(ears: Ears):
    ears.declare(dataset="flights")
    ears.commit()
    ears.answer()
    (run,) = ears.runs()
    ears.carry_out(run, commits="flights")
    ears.answer()
    assert [one.name for one in ears.runs()] == [run.name]
    assert ears.verdicts("flights.on-flights") == ["started", "looping"]
    with ears.production.ledger.read() as tx:
        (told,) = [
            event
            for event in tx.events.read(limit=1000, types=["trigger.answered"])
            if event.payload["verdict"] == "looping"
        ]
    assert told.subject == "dataset:flights@2"
    assert "never end" in told.payload["why"]

    ears.commit()  # somebody else's
    ears.answer()
    assert [one.spec["pins"]["flights"] for one in ears.runs()] == [1, 3]


def test_a_version_that_waits_is_not_forgotten_for_the_trigger_s_own(ears: Ears):
    ears.declare(dataset="flights")
    ears.commit()
    ears.answer()
    (run,) = ears.runs()
    ears.commit()
    ears.carry_out(run, commits="flights")
    ears.answer()
    assert [one.spec["pins"]["flights"] for one in ears.runs()] == [1, 2]


def test_a_circle_of_triggers_closes_once(ears: Ears):
    ears.declare(dataset="flights", name="tidy")
    ears.declare(dataset="clean", name="enrich")
    ears.commit()
    for into in ("clean", "flights", "clean", "flights"):
        ears.answer_all()
        going = [one for one in ears.runs() if one.phase == "new"]
        if not going:
            break
        ears.carry_out(going[0], commits=into)
    ears.answer_all()
    assert [one.spec["reason"] for one in ears.runs()] == [
        "trigger:flights@1",
        "trigger:clean@1",
    ]
    assert ears.verdicts("flights.tidy") == ["started", "looping"]


def test_what_one_trigger_s_run_made_is_news_to_another(ears: Ears):
    ears.production.put("project", "flights", code="code:flights@1", pipelines={"a": {}, "b": {}})
    ears.declare(dataset="flights", name="tidy", pipeline="a")
    ears.declare(dataset="flights", name="learn", pipeline="b")
    ears.commit()
    ears.answer_all()
    (tidy,) = [one for one in ears.runs() if one.spec["pipeline"] == "a"]
    ears.carry_out(tidy, commits="flights")
    ears.end_run()  # of the other trigger's
    ears.answer_all()
    learnt = [one.spec["pins"] for one in ears.runs() if one.spec["pipeline"] == "b"]
    assert learnt == [{"flights": 1}, {"flights": 2}]
    assert ears.verdicts("flights.tidy") == ["started", "looping"]


def test_a_version_waits_for_the_cooldown_to_pass(ears: Ears):
    ears.declare(dataset="flights", cooldown="1d")
    ears.commit()
    ears.answer()
    ears.end_run()
    ears.commit()
    ears.answer()
    assert len(ears.runs()) == 1
    ears.production.clock.advance_to(ears.production.clock.now().replace(day=3))
    ears.answer()
    assert len(ears.runs()) == 2


def test_each_event_has_a_run_of_its_own_with_what_it_gives(ears: Ears):
    ears.declare(event=ORDER, given={"day": "data.day", "order": "subject"}, params={"leaves": 7})
    assert ears.send("a", day="2013-01-01") == "taken"
    assert ears.send("b", day="2013-01-02") == "taken"
    ears.answer()
    assert [run.spec["params"] for run in ears.runs()] == [
        {"leaves": 7, "day": "2013-01-01", "order": "a"},
        {"leaves": 7, "day": "2013-01-02", "order": "b"},
    ]


def test_an_event_that_is_sent_again_changes_nothing(ears: Ears):
    ears.declare(event=ORDER)
    assert [ears.send("a"), ears.send("a")] == ["taken", "repeated"]
    ears.answer()
    assert ears.send("a") == "repeated"
    assert ears.send("a", source="/other-shop") == "taken"
    ears.answer()
    assert len(ears.runs()) == 2


def test_what_no_trigger_waits_for_leaves_no_trace(ears: Ears):
    ears.declare(event=ORDER, source="/shop")
    with ears.production.ledger.read() as tx:
        size = tx.events.size()
    assert ears.send("a", source="/elsewhere") == "unwanted"
    assert ears.send("b", type="com.shop.order.deleted") == "unwanted"
    with ears.production.ledger.read() as tx:
        assert tx.events.size() == size
    assert ears.rows("cloud_event") == []


def test_nothing_of_an_event_is_kept_but_what_a_trigger_names(ears: Ears):
    ears.declare(event=ORDER, given={"day": "data.day"})
    secret = "ada.lovelace@example.org"
    ears.send(f"order-of-{secret}", source=f"/users/{secret}", day="2013-01-01", customer=secret)
    ears.answer()
    with ears.production.ledger.read() as tx:
        kept = [*tx.events.read(limit=10_000), *tx.intents.list(limit=10_000)]
    assert secret not in repr(kept)


@pytest.mark.parametrize("day", [None, {"of": "week"}, "two words", "ada@example.org", "x" * 201])
def test_an_event_without_what_is_wanted_of_it_is_refused_whole(ears: Ears, day: Any):
    ears.declare(event=ORDER, given={"day": "data.day"})
    good = Arrival(id="a", source="/shop", type=ORDER, data={"day": "2013-01-01"})
    bad = Arrival(id="b", source="/shop", type=ORDER, data={"day": day})
    with pytest.raises(InvalidRequest):
        ears.inbox.take([good, bad])
    ears.answer()
    assert ears.runs() == []
    assert ears.rows("cloud_event") == []


def test_a_paused_trigger_lets_things_pass(ears: Ears):
    ears.declare(event=ORDER)
    with ears.production.ledger.write() as tx:
        pause(tx, "trigger", f"flights.on-{ORDER}")
    ears.send("a")
    ears.answer()
    assert ears.runs() == []


def test_an_unnamed_pipeline_must_be_the_only_one(ears: Ears):
    ears.declare(dataset="flights")
    ears.production.put("project", "flights", code="code:flights@1", pipelines={"a": {}, "b": {}})
    ears.commit()
    ears.answer()
    assert ears.runs() == []
    with ears.production.ledger.read() as tx:
        status = tx.intents.get("trigger", "flights.on-flights").status
    assert status["answers"][0]["verdict"] == "failed"
    assert "pipeline" in status["answers"][0]["why"]


@pipeline
def train_small() -> None: ...


def test_names_follow_from_what_is_waited_for():
    assert On(dataset="flights", pipeline=train_small).name == "on-flights"
    assert On(dataset="flights", pipeline=train_small).pipeline == "train-small"
    assert On(event="com.Shop/Order Imported").name == "on-com.shop-order-imported"
    assert On(alert=["drift", "performance"]).name == "on-drift-performance"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, InvalidProject),
        ({"dataset": "flights", "event": ORDER}, InvalidProject),
        ({"alert": []}, InvalidProject),
        ({"dataset": "flights", "given": {"day": "data.day"}}, InvalidProject),
        ({"event": ORDER, "given": {"day": "data"}}, InvalidProject),
        ({"event": ORDER, "given": {"day": "data..day"}}, InvalidProject),
        ({"event": ORDER, "cooldown": "soon"}, InvalidName),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], error: type[Exception]):
    with pytest.raises(error):
        On(**fields)


def test_an_erasure_that_took_rows_out_of_versions_starts_one_run_on_the_newest(ears: Ears):
    ears.commit()
    ears.commit()
    ears.declare(erasure="flights", pipeline="report")
    with ears.production.ledger.write() as tx:
        for number in (1, 2):
            ref = Ref("dataset", "flights", number)
            tx.versions.revise(ref, digest="1" * 64, body={}, reason="erasure 1")
    ears.answer()
    (run,) = ears.runs()
    assert run.spec["pins"] == {"flights": 2}
    assert ears.verdicts("flights.on-erasure-flights") == ["started"]
    ears.commit()  # a new version is no erasure
    ears.answer()
    assert len(ears.runs()) == 1


def test_a_trigger_is_fired_by_hand_whatever_its_cooldown_and_says_by_whom(ears: Ears):
    ears.declare(alert="drift", pipeline="train", cooldown="7d")
    for _ in range(2):
        with ears.production.ledger.write() as tx:
            fire(tx, "flights.on-drift", by="kim")
        ears.answer()
        ears.end_run()
    first, second = ears.runs()
    assert first.name != second.name
    with ears.production.ledger.read() as tx:
        answers = tx.intents.get("trigger", "flights.on-drift").status["answers"]
    assert [one["why"] for one in answers] == ["fired by kim", "fired by kim"]


def test_what_is_fired_while_a_run_goes_on_or_in_a_pause_starts_nothing(ears: Ears):
    ears.declare(dataset="flights", pipeline="train")
    ears.commit()
    ears.answer()
    with ears.production.ledger.write() as tx:
        fire(tx, "flights.on-flights", by="kim")
    ears.answer()
    ears.end_run()
    with ears.production.ledger.write() as tx:
        pause(tx, "trigger", "flights.on-flights")
        fire(tx, "flights.on-flights", by="kim")
    ears.answer()
    assert ears.verdicts("flights.on-flights") == ["started", "running", "paused"]
    assert len(ears.runs()) == 1


def test_a_firing_runs_on_the_newest_version_of_what_is_waited_for(ears: Ears):
    ears.commit()
    ears.commit()
    ears.declare(dataset="flights", pipeline="train")
    with ears.production.ledger.write() as tx:
        fire(tx, "flights.on-flights", by="kim")
    ears.answer()
    (run,) = ears.runs()
    assert run.spec["pins"] == {"flights": 2}
    assert run.spec["reason"] == "fired:flights.on-flights by kim"
