"""People at the desk: who is shown what, whose word counts, and what of it the ledger keeps."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from towpath.core.errors import Conflict, InvalidName, InvalidRequest, NotFound

MINUTE = timedelta(minutes=1)


def test_an_item_is_read_from_the_log_and_the_reading_is_recorded(desk: Any) -> None:
    desk.filled()
    item = desk.take("ann")
    decision = desk.production.decisions.find(item.decision_id)
    assert item.inputs == decision.inputs
    assert (item.at, item.model) == (decision.at, decision.model)
    assert item.leased_until == desk.wall.now() + 10 * MINUTE
    (event,) = desk.events("decision.read")
    assert (event.actor, event.subject) == ("ann", f"decision:{item.decision_id}")
    assert event.payload == {"payload": True, "queue": "review"}
    assert str(decision.inputs["wind"]) not in desk.text_of_ledger()


def test_a_blind_queue_hides_the_answer_and_an_open_one_shows_it(desk: Any) -> None:
    desk.filled()
    assert desk.take("ann").outputs is None
    desk.declare(blind=False, show=["load"])
    item = desk.take("ann")
    assert item.outputs.keys() == {"late"}
    assert item.inputs.keys() == {"load"}


def test_a_reload_shows_the_same_item(desk: Any) -> None:
    desk.filled()
    assert desk.take("ann").decision_id == desk.take("ann").decision_id


def test_most_wanted_comes_first(desk: Any) -> None:
    desk.filled()
    first = desk.take("ann").decision_id
    doubt = {
        task.spec["decision_id"]: abs(
            desk.production.decisions.find(task.spec["decision_id"]).outputs["late"] - 0.5
        )
        for task in desk.tasks()
    }
    assert first == min(doubt, key=doubt.__getitem__)


def test_two_people_never_get_the_same_item_by_accident(desk: Any) -> None:
    desk.filled(annotators=1)
    shown = [desk.take(name).decision_id for name in ("ann", "bob", "cy", "di", "ed")]
    assert len(set(shown)) == 5
    assert desk.desk.next("review", annotator="flo") is None
    desk.wall.advance(11 * MINUTE)
    assert desk.take("flo").decision_id in shown


def test_as_many_people_get_an_item_as_the_queue_asks(desk: Any) -> None:
    desk.filled(annotators=2, per_day=1)
    assert desk.take("ann").decision_id == desk.take("bob").decision_id
    assert desk.desk.next("review", annotator="cy") is None


def test_what_somebody_has_begun_is_completed_first(desk: Any) -> None:
    desk.filled(annotators=2)
    order = [
        task.spec["decision_id"] for task in sorted(desk.tasks(), key=lambda t: t.spec["rank"])
    ]
    for name, place in (("ann", 0), ("bob", 1)):
        assert desk.take(name).decision_id == order[0]
        desk.desk.skip("review", order[0], annotator=name) if place else None
    desk.judge(order[0], "late", "ann")
    assert desk.take("ann").decision_id == order[1]
    assert desk.take("cy").decision_id == order[0]


def test_many_people_at_once_share_the_work_out(desk: Any) -> None:
    """Every item is judged by exactly two, whoever is quickest."""
    desk.filled(annotators=2, per_day=12)
    people = [f"p{n}" for n in range(4)]
    judged: dict[str, int] = {}

    def work(name: str) -> None:
        judged[name] = desk.judge_all(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # A place may have been kept for somebody when another looked: nothing is left after a last look.
    for name in people:
        judged[name] += desk.judge_all(name)
    assert sum(judged.values()) == 24
    assert [len(task.status["answers"]) for task in desk.tasks()] == [2] * 12
    assert {task.phase for task in desk.tasks()} == {"settled"}


def test_a_word_is_recorded_without_saying_what_or_about_whom(desk: Any) -> None:
    desk.filled()
    item = desk.take("ann")
    assert desk.judge(item.decision_id, "late", "ann", spent_s=3.5) == "settled"
    (event,) = desk.events("label.judged")
    assert (event.actor, event.subject) == ("ann", f"decision:{item.decision_id}")
    assert event.payload == {"queue": "review"}


def test_saying_the_same_again_changes_nothing(desk: Any) -> None:
    desk.filled(annotators=2)
    item = desk.take("ann")
    for _ in range(2):
        assert desk.judge(item.decision_id, "late", "ann", comment="rain") == "open"
    assert len(desk.events("label.judged")) == 1


def test_a_changed_mind_counts(desk: Any) -> None:
    desk.filled(annotators=2)
    item = desk.take("ann")
    desk.judge(item.decision_id, "late", "ann")
    assert desk.judge(item.decision_id, "on time", "bob") == "disputed"
    assert desk.judge(item.decision_id, "on time", "ann") == "settled"


def test_who_comes_too_late_is_told_so(desk: Any) -> None:
    desk.filled(per_day=1)
    item = desk.take("ann")
    desk.wall.advance(11 * MINUTE)
    assert desk.take("bob").decision_id == item.decision_id
    with pytest.raises(Conflict, match="others judge"):
        desk.judge(item.decision_id, "late", "ann")
    with pytest.raises(Conflict, match="others judge"):
        desk.desk.renew("review", item.decision_id, annotator="ann")
    desk.judge(item.decision_id, "late", "bob")
    with pytest.raises(Conflict):
        desk.judge(item.decision_id, "late", "ann")


def test_who_comes_late_to_a_free_place_is_heard(desk: Any) -> None:
    desk.filled(per_day=1)
    item = desk.take("ann")
    desk.wall.advance(60 * MINUTE)
    assert desk.judge(item.decision_id, "late", "ann") == "settled"


def test_a_lease_is_extended(desk: Any) -> None:
    desk.filled(per_day=1)
    item = desk.take("ann")
    desk.wall.advance(9 * MINUTE)
    until = desk.desk.renew("review", item.decision_id, annotator="ann")
    assert until == desk.wall.now() + 10 * MINUTE
    desk.wall.advance(9 * MINUTE)
    assert desk.desk.next("review", annotator="bob") is None


def test_what_is_passed_over_is_not_shown_to_the_same_person_again(desk: Any) -> None:
    desk.filled(annotators=2, per_day=2)
    first = desk.take("ann").decision_id
    assert desk.desk.skip("review", first, annotator="ann", comment="no idea") == "open"
    second = desk.take("ann").decision_id
    assert second != first
    desk.judge(second, "late", "ann")
    assert desk.desk.next("review", annotator="ann") is None
    assert desk.desk.skip("review", first, annotator="bob") == "disputed"


def test_a_word_can_be_taken_back(desk: Any) -> None:
    desk.filled(per_day=1)
    item = desk.take("ann")
    desk.judge(item.decision_id, "late", "ann", comment="sure")
    again = desk.desk.undo("review", item.decision_id, annotator="ann")
    assert again.decision_id == item.decision_id
    assert (again.mine.label, again.mine.comment) == ("late", "sure")
    (task,) = desk.tasks()
    assert (task.phase, task.status["answers"]) == ("open", {})
    assert desk.desk.next("review", annotator="bob") is None  # it is ann's again
    assert desk.judge(item.decision_id, "on time", "ann") == "settled"
    with pytest.raises(Conflict, match="taken back"):
        desk.desk.undo("review", item.decision_id, annotator="bob")


def test_a_dispute_is_decided_by_somebody_who_sees_everything(desk: Any) -> None:
    desk.filled(annotators=2, per_day=1)
    item = desk.take("ann")
    desk.judge(item.decision_id, "late", "ann", comment="wind", spent_s=4.0)
    desk.judge(item.decision_id, "on time", "bob", comment="dry")
    (dispute,) = desk.desk.disputes("review")
    assert (dispute.decision_id, dispute.labels) == (item.decision_id, {"late": 1, "on time": 1})
    seen = desk.desk.dispute("review", item.decision_id, adjudicator="judge")
    assert seen.item.outputs is not None
    assert [(one.annotator, one.label, one.comment) for one in seen.judgements] == [
        ("ann", "late", "wind"),
        ("bob", "on time", "dry"),
    ]
    with pytest.raises(Conflict, match="others judge"):
        desk.judge(item.decision_id, "late", "cy")
    assert desk.desk.settle("review", item.decision_id, "late", adjudicator="judge") == "settled"
    assert desk.desk.disputes("review") == []
    with pytest.raises(Conflict, match="not disputed"):
        desk.desk.settle("review", item.decision_id, "late", adjudicator="other")
    with pytest.raises(Conflict, match="adjudicated"):
        desk.judge(item.decision_id, "on time", "ann")
    with pytest.raises(Conflict, match="taken back"):
        desk.desk.undo("review", item.decision_id, annotator="ann")
    desk.desk.undo("review", item.decision_id, annotator="judge")
    assert len(desk.desk.disputes("review")) == 1


def test_only_those_named_adjudicate(desk: Any) -> None:
    desk.filled(annotators=2, per_day=1, adjudicators=["chief"])
    item = desk.take("ann")
    desk.judge(item.decision_id, "late", "ann")
    desk.judge(item.decision_id, "on time", "bob")
    for attempt in (
        lambda: desk.desk.dispute("review", item.decision_id, adjudicator="ann"),
        lambda: desk.desk.settle("review", item.decision_id, "late", adjudicator="ann"),
    ):
        with pytest.raises(Conflict, match="chief"):
            attempt()
    assert desk.desk.settle("review", item.decision_id, None, adjudicator="chief") == "settled"


def test_a_settled_label_can_be_contested(desk: Any) -> None:
    desk.filled(per_day=1)
    item = desk.take("ann")
    with pytest.raises(Conflict, match="no label yet"):
        desk.desk.contest("review", item.decision_id, annotator="bob", comment="wrong")
    desk.judge(item.decision_id, "late", "ann")
    with pytest.raises(InvalidRequest, match="no comment"):
        desk.desk.contest("review", item.decision_id, annotator="bob", comment=" ")
    phase = desk.desk.contest("review", item.decision_id, annotator="bob", comment="it landed")
    assert phase == "disputed"
    (dispute,) = desk.desk.disputes("review")
    assert dispute.contested
    seen = desk.desk.dispute("review", item.decision_id, adjudicator="judge")
    assert ("bob", None, "it landed") in [
        (one.annotator, one.label, one.comment) for one in seen.judgements
    ]


@pytest.mark.parametrize("where", ["judge", "skip", "settle", "contest"])
def test_comments_never_lie_readable_in_the_ledger(desk: Any, where: str) -> None:
    desk.filled(annotators=2, per_day=1)
    item, secret = desk.take("ann"), "Mrs Ada Byron of flat 3"
    desk.judge(item.decision_id, "late", "ann", comment=secret if where == "judge" else "")
    if where == "skip":
        desk.desk.skip("review", item.decision_id, annotator="bob", comment=secret)
    else:
        desk.judge(item.decision_id, "on time", "bob")
    if where in ("settle", "contest"):
        desk.desk.settle(
            "review",
            item.decision_id,
            "late",
            adjudicator="j",
            comment=secret if where == "settle" else "",
        )
    if where == "contest":
        desk.desk.contest("review", item.decision_id, annotator="cy", comment=secret)
    text = desk.text_of_ledger()
    assert "Byron" not in text
    assert "flat 3" not in text


@pytest.mark.parametrize("name", ["", "Ann", "a b", "ann@example.org\n", "x" * 200, "../ann"])
def test_a_name_that_can_not_be_is_refused_everywhere(desk: Any, name: str) -> None:
    desk.filled(per_day=1)
    item = desk.take("ann")
    d, q = item.decision_id, "review"
    for attempt in (
        lambda: desk.desk.next(q, annotator=name),
        lambda: desk.desk.renew(q, d, annotator=name),
        lambda: desk.judge(d, "late", name),
        lambda: desk.desk.skip(q, d, annotator=name),
        lambda: desk.desk.undo(q, d, annotator=name),
        lambda: desk.desk.dispute(q, d, adjudicator=name),
        lambda: desk.desk.settle(q, d, "late", adjudicator=name),
        lambda: desk.desk.contest(q, d, annotator=name, comment="x"),
    ):
        with pytest.raises(InvalidName):
            attempt()


def test_what_is_not_there_or_not_possible_is_told_apart(desk: Any) -> None:
    desk.filled(per_day=1)
    item = desk.take("ann")
    with pytest.raises(NotFound, match="Did you mean 'review'"):
        desk.desk.next("revue", annotator="ann")
    with pytest.raises(NotFound, match="no task"):
        desk.judge("0192f0c1-0000-7000-8000-000000000001", "late", "ann")
    with pytest.raises(InvalidRequest, match="on time, late"):
        desk.judge(item.decision_id, "delayed", "ann")
    with pytest.raises(InvalidRequest, match="2,001 characters"):
        desk.judge(item.decision_id, "late", "ann", comment="x" * 2001)
    (task,) = desk.tasks()
    assert task.status["answers"] == {}


def test_progress_and_agreement_tell_where_the_queue_is(desk: Any) -> None:
    desk.filled(annotators=2, per_day=4)
    assert desk.judge_all("ann") == 4
    ids = [task.spec["decision_id"] for task in desk.tasks()]
    for decision_id in ids[:3]:
        desk.judge(decision_id, "late", "bob", spent_s=2.0)
    desk.judge(ids[3], "on time", "bob", spent_s=8.0)
    progress = desk.desk.progress("review")
    assert (progress.open, progress.disputed, progress.settled, progress.labelled) == (0, 1, 3, 0)
    assert progress.labels == {"on time": 0.0, "late": 1.0}
    assert desk.desk.queues() == [progress]
    agreement = desk.desk.agreement("review")
    assert (agreement.items, agreement.observed) == (4, 0.75)
    assert agreement.labels == ("on time", "late")
    assert agreement.confusion[1][1] == 6.0
    assert agreement.alpha == pytest.approx(0.0, abs=1e-12)
    (pair,) = agreement.pairs
    assert (pair.annotators, pair.items) == (("ann", "bob"), 4)
    ann, bob = agreement.annotators
    assert (ann.annotator, ann.judged, ann.skipped, ann.confirmed) == ("ann", 4, 0, 1.0)
    assert (bob.judged, bob.spent_s_median) == (4, 2.0)


def test_an_erased_decision_is_gone_from_the_queue_with_its_next_reading(desk: Any) -> None:
    desk.filled(per_day=2)
    item = desk.take("ann")
    decision = desk.production.decisions.find(item.decision_id)
    desk.production.close()
    desk.production.decisions.erase_subjects([decision.subject])
    other = desk.desk.next("review", annotator="ann")
    assert other is not None
    assert other.decision_id != item.decision_id
    assert [task.spec["decision_id"] for task in desk.tasks()] == [other.decision_id]


def test_nobody_is_shown_a_subject_who_has_withdrawn(desk: Any) -> None:
    desk.filled(annotators=2, per_day=2)
    item = desk.take("ann")
    subject = desk.production.decisions.find(item.decision_id).subject
    with desk.production.ledger.write() as tx:
        tx.withdrawals.add(subject)
    assert desk.take("bob").decision_id != item.decision_id
    desk.judge(item.decision_id, "late", "ann")
    with pytest.raises(NotFound):
        desk.desk.undo("review", item.decision_id, annotator="ann")


def test_an_erasure_takes_the_subject_s_tasks_and_what_was_written_beside_them(desk: Any) -> None:
    desk.filled(annotators=2, per_day=3)
    item = desk.take("ann")
    desk.judge(item.decision_id, "late", "ann", comment="I know her")
    subject = desk.production.decisions.find(item.decision_id).subject
    (task,) = [one for one in desk.tasks() if one.spec["decision_id"] == item.decision_id]
    sealed = task.status["answers"]["ann"]["comment"]
    assert desk.desk.holdings(subject) == 1
    erased = desk.desk.erase_subjects([subject])
    assert (erased.tasks, erased.comments) == (1, 1)
    assert len(desk.tasks()) == 2
    assert desk.desk.holdings(subject) == 0
    again = desk.desk.erase_subjects([subject])
    assert (again.tasks, again.comments) == (0, 0)
    from towpath.operate.labelling.comments import Comments

    assert Comments(desk.keyring).read(task.name, sealed) == ""
    assert subject not in str(desk.tasks())
