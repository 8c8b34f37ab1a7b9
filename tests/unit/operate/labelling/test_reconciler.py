"""Queues draw each day once and seal what people settled, wherever they are killed."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import pytest

from towpath.assets.datasets import Schema
from towpath.core.errors import Conflict, NotFound
from towpath.core.refs import Ref
from towpath.operate.decisions import DecisionIds, SegmentWriter, encode_frame
from towpath.operate.labelling import LedgerLabelDesk
from towpath.operate.labelling.drawing import Drawer

if TYPE_CHECKING:
    from collections.abc import Generator

DAY = timedelta(days=1)


class Asked(Schema):
    wind: float
    kind: str


def drawn(desk: Any) -> list[str]:
    return sorted(task.spec["decision_id"] for task in desk.tasks())


# -- drawing ----------------------------------------------------------------------------------------


def test_a_day_is_drawn_from_once_it_is_over(desk: Any) -> None:
    desk.declare()
    desk.draw()
    desk.production.serve(20, labels=False, hours=23.9)
    desk.draw()
    assert desk.tasks() == []
    desk.production.clock.advance(timedelta(minutes=8))
    row = desk.draw()
    assert len(desk.tasks()) == 5
    assert (row.phase, row.status["drawn"]) == ("asking", 5)
    ranks = sorted(task.spec["rank"] for task in desk.tasks())
    assert ranks == list(range(5))


def test_drawing_again_draws_nothing_more(desk: Any) -> None:
    desk.filled()
    before = drawn(desk)
    for _ in range(3):
        desk.draw()
    assert drawn(desk) == before


def test_another_worker_would_draw_the_same(desk: Any) -> None:
    from towpath.operate.labelling.drawing import day_of

    queue = desk.filled(sample="random")
    drawer = Drawer(desk.production.ledger, desk.production.decisions, desk.datasets)
    day = drawer.draw(queue.spec, day_of(desk.production.clock.now()) - DAY)
    assert sorted(task.decision_id for task in day.tasks) == drawn(desk)
    assert {task.weight for task in day.tasks} == {8.0}  # 40 decisions, 5 drawn


def test_a_row_of_a_sample_stands_for_the_decisions_that_were_not_recorded(desk: Any) -> None:
    from towpath.operate.labelling.drawing import day_of

    queue = desk.filled(sample="random")
    log = desk.production.decisions
    first = day_of(desk.production.clock.now()) - DAY
    ids = DecisionIds()
    writer = SegmentWriter(log._directory)
    for name in log.scan(queue.spec.service, columns=["decision_id"]).collect()["decision_id"]:
        whole = log.find(name)
        at_us = whole.at_us + int(DAY.total_seconds()) * 1_000_000
        changes = {"decision_id": ids.next(), "at_us": at_us, "kept": 0.25}
        writer.append(encode_frame(msgspec.structs.replace(whole, **changes)))
    writer.close()
    drawer = Drawer(desk.production.ledger, log, desk.datasets)
    day = drawer.draw(queue.spec, first + DAY)
    assert {task.weight for task in day.tasks} == {32.0}  # 160 decisions, 40 recorded, 5 drawn


def test_days_before_the_queue_are_nobody_s_question(desk: Any) -> None:
    for _ in range(3):
        desk.production.serve(10, labels=False)
    desk.production.clock.advance(timedelta(minutes=2))
    desk.declare()
    desk.draw()
    days = {task.spec["day"] for task in desk.tasks()}
    assert days == {"2013-03-03T00:00:00Z"}  # the last that is over


def test_decisions_whose_outcome_is_known_need_nobody(desk: Any) -> None:
    desk.filled(labels=True)
    assert desk.tasks() == []
    desk.declare(relabel=True)
    desk.production.serve(10, labels=True)
    desk.production.clock.advance(timedelta(minutes=2))
    desk.draw()
    assert len(desk.tasks()) == 5


def test_outcomes_are_waited_for_as_long_as_they_take(desk: Any) -> None:
    desk.declare(maturity="6h")
    desk.draw()
    desk.production.serve(20, labels=True, delay=timedelta(hours=5))
    desk.production.clock.advance(timedelta(hours=5))
    desk.draw()
    assert desk.tasks() == []
    desk.production.clock.advance(timedelta(hours=1, minutes=2))
    row = desk.draw()
    assert desk.tasks() == []
    assert row.status["drawn_until"] == "2013-03-02T00:00:00Z"


def test_failed_decisions_are_not_asked_about(desk: Any) -> None:
    desk.declare(per_day=50)
    desk.draw()
    desk.production.serve(30, labels=False, fails=lambda _arm: 0.5)
    desk.production.clock.advance(timedelta(minutes=2))
    desk.draw()
    assert 0 < len(desk.tasks()) < 30


def test_withdrawn_subjects_are_not_asked_about(desk: Any) -> None:
    desk.declare(per_day=50)
    desk.draw()
    desk.production.serve(10, labels=False)
    rows = desk.production.decisions.scan("board", columns=["subject"]).collect()
    with desk.production.ledger.write() as tx:
        for one in rows["subject"].to_list()[:3]:
            tx.withdrawals.add(one)
    desk.production.clock.advance(timedelta(minutes=2))
    desk.draw()
    assert len(desk.tasks()) == 7


def test_a_full_backlog_leaves_days_out(desk: Any) -> None:
    desk.filled(backlog=4)
    assert len(desk.tasks()) == 5
    desk.production.serve(10, labels=False)
    desk.production.clock.advance(timedelta(minutes=2))
    row = desk.draw()
    assert len(desk.tasks()) == 5
    assert row.status["days_left_out"] == 1
    desk.judge_all("ann")
    desk.production.serve(10, labels=False)
    desk.draw()
    assert len({task.spec["day"] for task in desk.tasks()}) == 2


def test_what_can_not_be_ranked_is_said_and_waits(desk: Any) -> None:
    queue = desk.filled(sample="input.nobody > 3")
    assert desk.tasks() == []
    progress = desk.desk.progress(queue.name)
    assert "input.nobody" in progress.idle
    desk.declare(sample="input.wind > -100")
    row = desk.draw()
    assert (row.phase, row.status["idle"]) == ("asking", None)
    assert len(desk.tasks()) == 5


def test_a_queue_without_a_model_waits_for_one(desk: Any) -> None:
    desk.production.serve(10, labels=False)
    desk.production.clock.advance(timedelta(minutes=2))
    desk.declare(service="nobody")
    row = desk.draw()
    assert (row.phase, row.status["drawn"]) == ("waiting", 0)
    assert "no model yet" in row.status["idle"]


# -- sealing ----------------------------------------------------------------------------------------


def test_what_is_settled_becomes_a_version_and_goes_back_to_the_log(desk: Any) -> None:
    queue = desk.filled(annotators=2, keep=Asked, sample="random")
    desk.judge_all("ann", "late")
    ids = drawn(desk)
    for decision_id in ids[:4]:
        desk.judge(decision_id, "late", "bob", comment="wind", spent_s=3.0)
    desk.judge(ids[4], "on time", "bob")
    desk.seal()
    rows = desk.rows().sort("decision_id")
    assert rows["decision_id"].to_list() == ids[:4]
    assert set(rows["label"]) == {"late"}
    assert set(rows["value"]) == {1.0}
    assert set(rows["settled_by"]) == {"agreement"}
    assert (set(rows["judgements"]), set(rows["agreeing"])) == ({2}, {1.0})
    assert set(rows["weight"]) == {8.0}
    for row in rows.iter_rows(named=True):
        decision = desk.production.decisions.find(row["decision_id"])
        assert (row["wind"], row["kind"]) == (decision.inputs["wind"], None)
        assert (row["subject"], row["at"], row["model"]) == (
            decision.subject,
            decision.at,
            decision.model,
        )
        label = desk.production.decisions.label_of(row["decision_id"])
        assert (label.value, label.source) == (1.0, "label_queue:review")
        assert label.at == row["settled_at"]
    assert desk.production.decisions.label_of(ids[4]) is None
    said = desk.rows("review.judgements")
    assert said.height == 8
    assert set(said.filter(annotator="bob")["comment"]) == {"wind"}
    (left,) = desk.tasks()
    assert (left.spec["decision_id"], left.phase) == (ids[4], "disputed")
    progress = desk.desk.progress(queue.name)
    assert (progress.labelled, progress.version, progress.settled) == (4, "dataset:review@1", 0)


def test_the_version_knows_where_it_comes_from(desk: Any) -> None:
    desk.filled()
    desk.judge_all("ann")
    desk.seal()
    with desk.production.ledger.read() as tx:
        version = tx.versions.latest("dataset", "review")
        run = tx.runs.get(version.made_by)
        assert (run.kind, run.status, run.params["sample"]) == (
            "labelling",
            "finished",
            "uncertain",
        )
        assert Ref("model", "late", 1) in tx.graph.trace(version.ref).nodes
        said = tx.versions.latest("dataset", "review.judgements")
    assert said.made_by == run.id


def test_agreement_is_the_same_before_and_after_sealing(desk: Any) -> None:
    desk.filled(annotators=2)
    desk.judge_all("ann", "late")
    for at, decision_id in enumerate(drawn(desk)):
        desk.judge(decision_id, "late" if at else "on time", "bob")
    before = desk.desk.agreement("review")
    desk.seal()
    assert len(desk.tasks()) == 1
    assert desk.desk.agreement("review") == before
    assert before.items == 5


def test_a_label_can_be_taken_back_for_a_while_and_then_no_more(desk: Any) -> None:
    desk.filled(per_day=1)
    item = desk.take("ann")
    desk.judge(item.decision_id, "late", "ann")
    desk.draw()
    desk.desk.undo("review", item.decision_id, annotator="ann")
    desk.judge(item.decision_id, "on time", "ann")
    desk.seal()
    assert desk.rows()["label"].to_list() == ["on time"]
    with pytest.raises(NotFound, match="no task"):
        desk.desk.undo("review", item.decision_id, annotator="ann")


def test_labels_gather_before_they_become_a_version(desk: Any) -> None:
    desk.filled(per_day=4)
    for _ in range(2):
        desk.judge(desk.take("ann").decision_id, "late", "ann")
        desk.wall.advance(timedelta(minutes=2))
        desk.draw()
    with desk.production.ledger.read() as tx:
        assert tx.versions.latest("dataset", "review") is None
    desk.wall.advance(timedelta(minutes=2))
    desk.draw()
    assert desk.rows().height == 2
    desk.judge_all("ann")
    desk.wall.advance(timedelta(minutes=1))
    desk.draw()  # nothing is left to judge, so nothing is waited for
    assert desk.rows().height == 4


def test_a_measured_outcome_outweighs_an_opinion(desk: Any) -> None:
    desk.filled(per_day=1, labels=True, relabel=True)
    item = desk.take("ann")
    before = desk.production.decisions.label_of(item.decision_id)
    label = "on time" if before.value else "late"
    desk.judge(item.decision_id, label, "ann")
    desk.seal()
    assert desk.rows()["label"].to_list() == [label]
    assert desk.production.decisions.label_of(item.decision_id) == before


def test_a_contested_label_is_replaced_in_the_next_version(desk: Any) -> None:
    desk.filled(annotators=2, per_day=2, sample="random")
    desk.judge_all("ann", "late")
    desk.judge_all("bob", "late")
    desk.seal()
    wrong, right = desk.rows()["decision_id"].to_list()
    assert (
        desk.desk.contest("review", wrong, annotator="cy", comment="it landed at noon")
        == "disputed"
    )
    seen = desk.desk.dispute("review", wrong, adjudicator="judge")
    assert {(one.annotator, one.label) for one in seen.judgements} == {
        ("ann", "late"),
        ("bob", "late"),
        ("cy", None),
    }
    desk.desk.settle("review", wrong, "on time", adjudicator="judge")
    desk.seal()
    rows = {row["decision_id"]: row for row in desk.rows().iter_rows(named=True)}
    assert (rows[wrong]["label"], rows[wrong]["settled_by"]) == ("on time", "adjudication")
    assert (rows[wrong]["agreeing"], rows[wrong]["weight"]) == (0.0, 20.0)
    assert rows[right]["label"] == "late"
    assert desk.production.decisions.label_of(wrong).value == 0.0
    said = desk.rows("review.judgements").filter(decision_id=wrong, annotator="cy")
    assert said["comment"].to_list() == ["it landed at noon"]
    old = desk.datasets.scan(Ref("dataset", "review", 1)).collect()
    assert set(old["label"]) == {"late"}


def test_a_label_that_is_struck_leaves_the_labelled_set(desk: Any) -> None:
    desk.filled(per_day=2)
    desk.judge_all("ann")
    desk.seal()
    struck = desk.rows()["decision_id"][0]
    desk.desk.contest("review", struck, annotator="bob", comment="nobody can tell")
    desk.desk.settle("review", struck, None, adjudicator="judge")
    desk.seal()
    assert desk.tasks() == []
    assert struck not in desk.rows()["decision_id"].to_list()
    assert desk.rows().height == 1


def test_a_label_that_is_no_longer_offered_keeps_its_number(desk: Any) -> None:
    desk.filled(per_day=1)
    desk.judge_all("ann", "late")
    desk.declare(labels={"early": -1, "fine": 0})
    desk.seal()
    assert desk.rows().select("label", "value").rows() == [("late", 1.0)]
    assert "late" in desk.desk.agreement("review").labels


def test_a_queue_declared_again_does_not_ask_twice(desk: Any) -> None:
    desk.filled(per_day=50, rows=8)
    desk.judge_all("ann")
    desk.seal()
    with desk.production.ledger.write() as tx:
        tx.intents.delete("label_queue", "review")
    desk.declare(per_day=50, relabel=True)
    desk.draw()
    assert desk.tasks() == []


def test_an_erased_decision_reaches_no_version(desk: Any) -> None:
    desk.filled(per_day=2)
    desk.judge_all("ann")
    gone, stays = drawn(desk)
    subject = desk.production.decisions.find(gone).subject
    desk.production.close()
    desk.production.decisions.erase_subjects([subject])
    desk.seal()
    assert desk.rows()["decision_id"].to_list() == [stays]
    assert desk.rows("review.judgements")["decision_id"].to_list() == [stays]
    assert desk.tasks() == []


def test_an_erasure_finds_sealed_labels_by_the_hash(desk: Any) -> None:
    """The plain value that an erasure knows is hashed to what the decision log has."""
    subject = desk.keyring.subject_hash("tailnum", "N14228")
    queue = desk.declare(per_day=3)
    rows = pl.DataFrame(
        {
            "decision_id": ["a", "b"],
            "annotator": ["ann", "ann"],
            "at": [desk.production.clock.now()] * 2,
            "label": ["late", "late"],
            "comment": [None, None],
            "spent_s": [None, None],
            "subject": [subject, "0" * 32],
        },
        schema_overrides={"comment": pl.String, "spent_s": pl.Float64},
    )
    desk.datasets.commit(queue.judgements, rows, project="flights")
    assert desk.datasets.holds("review.judgements", "N14228") == [
        Ref("dataset", "review.judgements", 1)
    ]
    erased = desk.datasets.erase("N14228", "review.judgements")
    assert erased.rows_removed == 1
    assert desk.rows("review.judgements")["decision_id"].to_list() == ["b"]
    with desk.production.ledger.write() as tx:
        tx.withdrawals.add(subject)
    again = desk.datasets.commit(queue.judgements, rows, project="flights", mode="merge")
    assert again.body["suppressed_rows"] in (0, 1)
    assert desk.rows("review.judgements").height == 1


# -- killed anywhere --------------------------------------------------------------------------------


class Killed(BaseException):
    """What a process that is killed would never have got past."""


class Dying:
    """A ledger or blob store whose process dies before, or right after, its n-th write."""

    def __init__(self, inner: Any, fuse: dict[str, Any]) -> None:
        self._inner = inner
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @contextmanager
    def write(self, **options: Any) -> Generator[Any]:
        with self._inner.write(**options) as tx:
            yield tx
            self._burn("before")
        self._burn("after")

    def put(self, *args: Any, **options: Any) -> Any:
        self._burn("before")
        digest = self._inner.put(*args, **options)
        self._burn("after")
        return digest

    def _burn(self, moment: str) -> None:
        if self._fuse["moment"] == moment:
            self._fuse["left"] -= 1
            if self._fuse["left"] == 0:
                raise Killed


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_write_it_seals_everything_once(desk: Any, moment: str) -> None:
    desk.filled(annotators=2, per_day=3)
    desk.judge_all("ann", "late")
    desk.judge_all("bob", "late")
    ids = drawn(desk)
    desk.wall.advance(timedelta(minutes=10))
    made, kills = desk.production, 0
    fuse = {"moment": moment, "left": 0}
    ledger, blobs = Dying(made.ledger, fuse), Dying(made.blobs, fuse)
    from towpath.assets.datasets import ParquetDatasetStore

    datasets = ParquetDatasetStore(ledger, blobs, desk.keyring)
    for attempt in range(1, 200):
        fuse["left"] = attempt
        with made.ledger.write() as tx:
            tx.intents.release("dying")
            tx.intents.wake("label_queue", "review")
            held = tx.intents.claim(("label_queue",), owner="dying", lease_s=60)
        reconciler = type(desk.reconciler)(
            ledger,
            desk.keyring,
            made.decisions,
            datasets,
            made.clock,
            directory=made.path,
            wall=desk.wall,
        )
        try:
            reconciler.reconcile(held)
        except Killed:
            kills += 1
            continue
        break
    assert kills > 3
    fuse["left"] = 0
    desk.draw()
    assert desk.tasks() == []
    assert sorted(desk.rows()["decision_id"]) == ids
    assert desk.rows("review.judgements").height == 6
    with made.ledger.read() as tx:
        assert {run.status for run in tx.runs.list(kind="labelling")} == {"finished"}
    for decision_id in ids:
        assert made.decisions.label_of(decision_id).value == 1.0


def test_what_is_being_sealed_is_out_of_people_s_hands(desk: Any) -> None:
    desk.filled(per_day=1)
    item = desk.take("ann")
    desk.judge(item.decision_id, "late", "ann")
    with desk.production.ledger.write() as tx:
        (task,) = tx.intents.list("label_task")
        tx.intents.report("label_task", task.name, status=task.status, phase="sealing")
    people: LedgerLabelDesk = desk.desk
    for attempt in (
        lambda: people.undo("review", item.decision_id, annotator="ann"),
        lambda: people.judge("review", item.decision_id, "on time", annotator="ann"),
        lambda: people.contest("review", item.decision_id, annotator="ann", comment="no"),
    ):
        with pytest.raises(Conflict, match="being written"):
            attempt()
    desk.seal()
    assert desk.rows()["label"].to_list() == ["late"]
