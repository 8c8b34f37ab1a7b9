"""No model goes out that errs as one did before, but by a signature that holds, and for so long."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.cases import Expectation, LedgerRegressionCases, NewCase
from towpath.assets.cases.sealing import shred
from towpath.assets.cases.standing import enter_verdict
from towpath.core.errors import Conflict, GateRefused, InvalidRequest, NotFound, Withdrawn
from towpath.core.refs import Ref
from towpath.operate.releases import LedgerReleases, Pins, ReleaseChecker, ServiceReconciler
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from pathlib import Path

ENV = "production"


@pytest.fixture
def granted(rows: pl.DataFrame) -> pl.DataFrame:
    """Return somebody who was granted a loan, beyond doubt."""
    wealth = pl.col("income") * pl.col("granted") / pl.col("amount")
    return rows.sort(wealth, descending=True)[:1]


def events(bank: Any, *types: str) -> list[Any]:
    with bank.ledger.read() as tx:
        return tx.events.read(types=list(types), limit=None)


def test_a_model_that_errs_again_is_refused_by_the_name_of_the_case(
    bank: Any, models: Any, granted: Any
) -> None:
    good, bad = models
    case = bank.keep(bad, granted, ">= 0.5")
    assert [one.verdict for one in bank.cases.hold("lending", bad)] == ["fail"]
    with pytest.raises(GateRefused, match=f"regression case '{case}'") as refused:
        bank.put(bad)
    assert refused.value.fields["findings"][0]["case"] == case
    bank.cases.hold("lending", good)
    assert bank.put(good) == 1
    (link,) = [one for one in events(bank, "edge.linked") if one.subject == f"case:{case}@1"]
    assert link.payload["parent"] == str(bad)


def test_what_was_never_asked_does_not_pass(bank: Any, models: Any, granted: Any) -> None:
    good, bad = models
    bank.keep(bad, granted, ">= 0.5")
    with pytest.raises(GateRefused, match="was not held to the regression case"):
        bank.put(good)
    assert bank.check(good).refusals[0].remedy.endswith("towpath incident hold loan@1")


def test_a_verdict_that_our_key_did_not_sign_is_none(bank: Any, models: Any, granted: Any) -> None:
    _, bad = models
    case = bank.keep(bad, granted, ">= 0.5", against=[bad])
    with bank.ledger.write() as tx:
        row = tx.intents.get("case", case)
        forged = {
            package: {**said, "verdict": "pass"} for package, said in row.status["verdicts"].items()
        }
        tx.intents.report("case", case, status={"verdicts": forged})
    with pytest.raises(GateRefused, match="was not held to"):
        bank.put(bad)
    assert [one.verdict for one in bank.cases.hold("lending", bad)] == ["fail"]


def test_a_verdict_of_another_case_or_package_is_none(bank: Any, models: Any, granted: Any) -> None:
    good, bad = models
    bank.keep(bad, granted, ">= 0.5", against=[good])
    other = bank.keep(bad, granted, "< 0.5", name="another", against=[good])
    with bank.ledger.write() as tx:
        passed = tx.intents.get("case", "lending.1.1").status
        tx.intents.report("case", other, status=passed)
    verdicts = {one.case: one.verdict for one in bank.check(good).cases["lending"]}
    assert verdicts == {"lending.1.1": "pass", other: "unjudged"}


def test_the_compiled_form_is_what_is_asked(
    bank: Any, rows: Any, models: Any, granted: Any
) -> None:
    _, bad = models
    bank.keep(bad, granted, ">= 0.5")
    compiled = bank.train(rows, compiled=True)
    (held,) = bank.cases.hold("lending", compiled)
    with bank.ledger.read() as tx:
        assert held.package == tx.versions.get(compiled).body["package"]
    assert held.verdict == "pass"
    assert bank.put(compiled) == 1


def test_an_answer_is_exact_to_the_last_bit(bank: Any, models: Any, granted: Any) -> None:
    good, bad = models
    decision = bank.decisions.find(bank.decide(good, granted)[0])
    said = decision.outputs["granted"]
    bank.keep(bad, granted, f"== {said!r}", name="same", against=[good, bad])
    bank.keep(bad, granted, f"!= {said!r}", name="not-that", against=[good, bad])
    for model, same, other in [(good, "pass", "fail"), (bad, "fail", "pass")]:
        found = {one.case: one.verdict for one in bank.check(model).cases["lending"]}
        assert found == {"same": same, "not-that": other}


def test_what_wants_an_input_that_was_not_recorded_can_not_be_asked(
    bank: Any, models: Any, granted: Any
) -> None:
    good, bad = models
    bank.keep(bad, granted, ">= 0.5", inputs={"income": 1.0}, against=[good])
    with pytest.raises(GateRefused, match="can't be asked the recorded input"):
        bank.put(good)


def test_what_serves_already_is_warned_of_and_another_service_may_move(
    bank: Any, models: Any, granted: Any
) -> None:
    _, bad = models
    bank.put(bad)
    bank.keep(bad, granted, ">= 0.5", against=[bad])
    found = bank.check(bad)
    assert found.passes
    assert [one.verdict for one in found.findings] == ["warning"]


def test_what_serves_elsewhere_is_held_to_the_cases_of_where_it_goes(
    bank: Any, models: Any, granted: Any
) -> None:
    good, bad = models
    bank.put(good)
    with bank.ledger.write() as tx:
        spec = tx.intents.get("service", "lending").spec
        tx.intents.put("service", "branch", project="lending", spec=spec, due=False)
        bank.releases.deploy(tx, environment=ENV, service="branch", model=bad, reason="test")
    bank.keep(bad, granted, ">= 0.5", against=[good, bad])
    pins = Pins(models={"lending": bad, "branch": bad})
    with bank.ledger.write() as tx, pytest.raises(GateRefused, match="as it must not"):
        bank.releases.put_in_force(tx, ENV, pins, reason="test")
    with bank.ledger.write() as tx, pytest.raises(GateRefused, match="as it must not"):
        bank.releases.deploy(tx, environment=ENV, service="lending", model=bad, reason="test")
    assert bank.put(good) == 3  # where it serves it has no case, and holds nobody up


def test_the_way_back_leads_past_no_case(bank: Any, models: Any, granted: Any) -> None:
    good, bad = models
    bank.put(bad)
    bank.put(good)
    bank.keep(bad, granted, ">= 0.5", against=[good, bad])
    with bank.ledger.write() as tx, pytest.raises(GateRefused, match="as it must not"):
        bank.releases.restore(tx, ENV, 1, reason="test")


def test_a_challenger_is_not_promoted_over_a_case_that_came_meanwhile(
    bank: Any, models: Any, granted: Any
) -> None:
    good, bad = models
    bank.put(good)
    where = {"environment": ENV, "service": "lending", "rollout": "lending.2"}
    with bank.ledger.write() as tx:
        bank.releases.trials.split(tx, **where, challenger=bad, weight=0.1, stage=0)
    bank.keep(bad, granted, ">= 0.5", against=[bad])
    with bank.ledger.write() as tx, pytest.raises(GateRefused, match="as it must not"):
        bank.releases.trials.promote(tx, **where)


def test_a_retrained_model_that_errs_is_not_tried_and_the_log_says_why(
    bank: Any, rows: Any, models: Any, granted: Any
) -> None:
    good, bad = models
    bank.put(good)
    bank.keep(bad, granted, ">= 0.5")
    reconciler = ServiceReconciler(bank.ledger, bank.releases, hold=bank.cases.hold_all)
    for _ in range(2):
        with bank.ledger.write() as tx:
            tx.intents.wake("service", "lending")
            held = tx.intents.claim(["service"], owner="test", lease_s=5)
        reconciler.reconcile(held)
    (told,) = events(bank, "release.refused")
    assert told.payload["refused"] == str(bad)
    assert [one["case"] for one in told.payload["findings"]] == ["lending.1.1"]
    with bank.ledger.read() as tx:
        assert tx.intents.list("rollout") == []
    better = bank.train(rows[:300])
    with bank.ledger.write() as tx:
        tx.intents.wake("service", "lending")
        held = tx.intents.claim(["service"], owner="test", lease_s=5)
    reconciler.reconcile(held)
    with bank.ledger.read() as tx:
        assert [one.spec["challenger"] for one in tx.intents.list("rollout")] == [str(better)]


def test_a_waiver_lets_one_version_out_until_it_expires(
    bank: Any, rows: Any, models: Any, granted: Any
) -> None:
    good, bad = models
    case = bank.keep(bad, granted, ">= 0.5", against=[bad])
    waiver = bank.cases.waive(
        case, bad, reason="the branch closes today", lasts=timedelta(hours=1), actor="grace"
    )
    assert waiver.state == "in force"
    assert bank.put(bad) == 1
    assert [one.verdict for one in bank.check(bad).findings] == ["warning"]
    twin = bank.train(rows.with_columns(granted=1 - rows["granted"])[:350])
    bank.cases.hold("lending", twin)
    with pytest.raises(GateRefused):
        bank.put(twin)  # named for another version
    bank.cases.hold("lending", good)
    bank.put(good)
    bank.wall.advance(timedelta(hours=1))
    assert [one.state for one in bank.cases.waivers(case)] == ["expired"]
    with pytest.raises(GateRefused, match=case):
        bank.put(bad)
    (signed,) = events(bank, "waiver.signed")
    assert signed.actor == "grace"
    assert signed.payload["reason"] == "the branch closes today"


def test_a_waiver_that_is_revoked_or_was_made_longer_lets_nothing_out(
    bank: Any, models: Any, granted: Any
) -> None:
    _, bad = models
    case = bank.keep(bad, granted, ">= 0.5", against=[bad])
    said = {"reason": "to see", "lasts": timedelta(hours=1), "actor": "grace"}
    first = bank.cases.waive(case, bad, **said)
    for _ in range(2):
        assert bank.cases.revoke(first.name, actor="ada").state == "revoked"
    assert len(events(bank, "waiver.revoked")) == 1
    with pytest.raises(GateRefused):
        bank.put(bad)
    second = bank.cases.waive(case, bad, **said)
    with bank.ledger.write() as tx:
        row = tx.intents.get("waiver", second.name)
        longer = {**row.spec, "expires_at": "2099-01-01T00:00:00+00:00"}
        tx.intents.put("waiver", second.name, project="lending", spec=longer, due=False)
    states = {one.name: one.state for one in bank.cases.waivers(case)}
    assert states == {first.name: "revoked", second.name: "forged"}
    with pytest.raises(GateRefused):
        bank.put(bad)


def test_what_another_key_signed_lets_nothing_out(
    bank: Any, models: Any, granted: Any, tmp_path: Path
) -> None:
    _, bad = models
    case = bank.keep(bad, granted, ">= 0.5", against=[bad])
    theirs = FileKeyring(tmp_path / "theirs")
    forger = LedgerRegressionCases(bank.ledger, bank.blobs, theirs, wall=bank.wall)
    waiver = forger.waive(case, bad, reason="to see", lasts=timedelta(hours=1), actor="mallory")
    assert waiver.state == "in force"  # with the key that signed it
    assert [one.state for one in bank.cases.waivers(case)] == ["forged"]
    with pytest.raises(GateRefused, match="as it must not"):
        bank.put(bad)
    with bank.ledger.write() as tx:
        version = tx.versions.get(Ref("case", case, 1))
        enter_verdict(tx, version, tx.versions.get(bad), "pass", theirs)
    with pytest.raises(GateRefused, match="was not held to"):
        bank.put(bad)
    assert [one.verdict for one in bank.cases.hold("lending", bad)] == ["fail"]


@pytest.mark.parametrize(
    ("lasts", "reason"),
    [(timedelta(), "why"), (timedelta(days=91), "why"), (timedelta(hours=1), "  ")],
)
def test_a_waiver_says_why_and_ends(
    bank: Any, models: Any, granted: Any, lasts: timedelta, reason: str
) -> None:
    case = bank.keep(models[1], granted, ">= 0.5")
    with pytest.raises(InvalidRequest):
        bank.cases.waive(case, models[1], reason=reason, lasts=lasts, actor="grace")
    assert bank.cases.waivers() == []


def test_a_case_that_is_retired_holds_nobody(bank: Any, models: Any, granted: Any) -> None:
    _, bad = models
    case = bank.keep(bad, granted, ">= 0.5", against=[bad])
    for _ in range(2):
        bank.cases.retire(case, actor="ada", reason="that product is no more")
    assert bank.cases.get(case).state == "retired"
    assert bank.cases.list() == []
    assert bank.put(bad) == 1
    assert len(events(bank, "case.retired")) == 1


def test_an_erasure_takes_what_is_of_the_person_wherever_the_ledger_went(
    bank: Any, models: Any, granted: Any
) -> None:
    _, bad = models
    case = bank.keep(bad, granted, ">= 0.5", against=[bad])
    subject = bank.keyring.subject_hash("applicant", granted["applicant"].item())
    ((_, inputs),) = bank.cases.about(subject)
    assert inputs["income"] == granted["income"].item()
    with bank.ledger.read() as tx:
        before = tx.versions.get(Ref("case", case, 1))
    for times in (1, 0):
        assert bank.cases.erase(subject) == times
    with bank.ledger.read() as tx:
        after = tx.versions.get(Ref("case", case, 1))
        assert tx.intents.find("case", case) is None
    assert "sealed" not in after.body
    assert after.revision == 2
    found = bank.cases.get(case)
    assert (found.state, found.expectation, found.subject, found.decision) == (
        "erased",
        None,
        None,
        None,
    )
    assert bank.cases.about(subject) == []
    # What a backup of the database still has is of no use without the key.
    with pytest.raises(NotFound):
        bank.keyring.unseal(f"case.{case}", before.body["sealed"].encode())
    assert bank.put(bad) == 1


def test_no_event_says_what_was_asked_or_what_the_answer_must_be(
    bank: Any, models: Any, granted: Any
) -> None:
    bank.keep(models[1], granted, ">= 0.4375", against=list(models))
    told = str(
        [one.payload for one in events(bank, "case.kept", "case.judged", "version.committed")]
    )
    assert "0.4375" not in told
    assert str(granted["income"].item()) not in told


def test_nobody_who_withdrew_is_kept_and_names_are_given_once(
    bank: Any, models: Any, granted: Any
) -> None:
    bank.keep(models[1], granted, ">= 0.5")
    with pytest.raises(Conflict, match="already"):
        bank.keep(models[1], granted, "< 0.5")
    bank.withdraw(bank.keyring.subject_hash("applicant", granted["applicant"].item()))
    with pytest.raises(Withdrawn):
        bank.keep(models[1], granted, ">= 0.5", name="another")


def test_releases_that_look_at_no_signatures_look_at_verdicts(
    bank: Any, models: Any, granted: Any
) -> None:
    good, bad = models
    bank.keep(bad, granted, ">= 0.5", against=[good, bad])
    plain = LedgerReleases(ReleaseChecker())
    with bank.ledger.write() as tx, pytest.raises(GateRefused):
        plain.deploy(tx, environment=ENV, service="lending", model=bad, reason="test")


def test_an_erasure_that_was_killed_after_the_key_is_finished_by_the_next(
    bank: Any, models: Any, granted: Any
) -> None:
    good, bad = models
    case = bank.keep(bad, granted, ">= 0.5", against=[bad])
    subject = bank.keyring.subject_hash("applicant", granted["applicant"].item())
    shred(case, bank.keyring)  # and here it dies: the ledger was told nothing
    found = bank.cases.get(case)
    assert (found.state, found.expectation, found.subject) == ("erased", None, None)
    assert [one.verdict for one in bank.cases.hold("lending", good)] == ["unjudged"]
    assert bank.cases.erase(subject) == 1
    assert bank.put(good) == 1


def test_what_is_recorded_beside_a_case_is_recorded_with_it_or_not_at_all(
    bank: Any, models: Any, granted: Any
) -> None:
    def fails(tx: Any) -> None:
        raise Conflict("somebody was quicker")

    decision = bank.decisions.find(bank.decide(models[1], granted)[0])
    new = NewCase(
        name="lending.1.1",
        service="lending",
        project="lending",
        incident="lending.1",
        decision=decision.decision_id,
        model=models[1],
        expectation=Expectation.parse(">= 0.5"),
        subject=None,
        inputs=decision.inputs,
    )
    with pytest.raises(Conflict, match="quicker"):
        bank.cases.keep(new, actor="ada", also=fails)
    assert bank.cases.list() == []
    assert bank.cases.keep(new, actor="ada").state == "active"
