"""New versions and events from outside start runs: levels once for the newest, facts once each."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from towpath.build.pipelines import pipeline
from towpath.core.errors import InvalidName, InvalidProject, InvalidRequest
from towpath.operate.scheduling import pause
from towpath.operate.triggers import Arrival, EventInbox, On
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
        self.answer()

    def commit(self, name: str = "flights") -> None:
        with self.production.ledger.write() as tx:
            tx.versions.declare("dataset", name, project="flights")
            tx.versions.commit("dataset", name, digest="0" * 64, body={})

    def send(self, id: str, *, type: str = ORDER, source: str = "/shop", **data: Any) -> str:
        arrival = Arrival(id=id, source=source, type=type, attributes={"subject": id}, data=data)
        return self.inbox.take([arrival])[0]

    def answer(self) -> None:
        self.production.step(self.reconciler)

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
