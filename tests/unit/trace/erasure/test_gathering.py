"""Withdrawals that come together are fulfilled together, at the cost of one."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from towpath.core.refs import Ref
from towpath.trace.erasure import verify_certificate

SUBJECT = "N14228"
OTHERS = ["N200UA", "N201UA", "N202UA"]
AUDIT = Path(__file__).parents[4] / "scripts" / "find_residue.py"


def residue(folder: Path, subject: str) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, str(AUDIT), str(folder), subject],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)["residue"]


@pytest.fixture
def gathering(home):
    """A home whose erasures wait for an hour for others, until `open` lets them begin."""
    home.parts = replace(home.parts, quiet=timedelta(hours=1), gathers=timedelta(hours=1))
    return home


def begin(home) -> None:
    home.parts = replace(home.parts, quiet=timedelta())
    for one in home.erasures.list():
        with home.ledger.write() as tx:
            tx.intents.wake("erasure", one.rides_on or one.id)


def test_many_withdrawals_cost_one_retraining_and_share_a_certificate(gathering):
    home = gathering
    ids = [home.erasures.submit("tailnum", one) for one in (SUBJECT, *OTHERS)]
    begin(home)
    found = home.work(ids[0])
    assert found.phase == "certified", found.reason
    assert len(home.trained) == 1
    assert found.replacements == {"model:late@3": "model:late@4"}
    # The others fly once a day on three days; the subject on two of them.
    assert found.totals["rows"] == 2 + 3 * len(OTHERS)
    assert found.totals["decisions"] == 4
    riders = [home.erasures.get(one) for one in ids[1:]]
    assert {one.phase for one in riders} == {"certified"}
    assert {one.rides_on for one in riders} == {ids[0]}
    assert {home.erasures.certificate(one) for one in ids} == {home.erasures.certificate(ids[0])}
    certificate = home.erasures.certificate(ids[0])
    assert verify_certificate(certificate, home.keyring.public_key_pem).valid
    told = json.loads(certificate)["riders"]
    assert [one["erasure"] for one in told] == ids[1:]
    assert {one["subject"] for one in told} == {
        home.keyring.subject_hash("tailnum", one) for one in OTHERS
    }
    for one in (SUBJECT, *OTHERS):
        assert residue(home.path, one) == {}
        assert one not in certificate.decode()


def test_whoever_comes_when_it_has_begun_is_next(gathering):
    home = gathering
    first = home.erasures.submit("tailnum", SUBJECT)
    begin(home)
    home.work(first, until=lambda one: one.phase == "acknowledged", only=("erasure",))
    late = home.erasures.submit("tailnum", OTHERS[0])
    assert home.erasures.get(late).rides_on is None
    assert home.erasures.get(late).phase == "suppressed"
    assert home.work(first).done
    assert home.work(late).done
    assert residue(home.path, OTHERS[0]) == {}


def test_asking_again_gives_the_same_request_whether_it_rides_or_drives(gathering):
    home = gathering
    first, rider = (home.erasures.submit("tailnum", one) for one in (SUBJECT, OTHERS[0]))
    assert first != rider
    assert home.erasures.submit("tailnum", SUBJECT) == first
    assert home.erasures.submit("tailnum", OTHERS[0]) == rider
    assert [one.id for one in home.erasures.list()] == [rider, first]
    begin(home)
    assert home.work(first).done
    assert home.erasures.submit("tailnum", OTHERS[0]) not in (first, rider)


def test_a_request_costs_the_log_the_same_however_many_there_are(gathering):
    home = gathering
    sizes = []
    for number in range(6):
        before = home.ledger_size()
        home.erasures.submit("tailnum", f"N{number}ZZ")
        sizes.append(home.ledger_size() - before)
    assert len(set(sizes[1:])) == 1
    assert len(list((home.path / "keys" / "seals").iterdir())) == 1, "one key, shredded once"


def test_a_blocked_erasure_is_tried_again_through_any_of_its_riders(gathering):
    home = gathering
    home.verdict = "fail"
    first, rider = (home.erasures.submit("tailnum", one) for one in (SUBJECT, OTHERS[0]))
    begin(home)
    assert home.work(first).phase == "blocked"
    assert home.erasures.get(rider).reason == home.erasures.get(first).reason != ""
    home.verdict = "pass"
    home.erasures.retry(rider)
    assert home.work(first, until=lambda one: one.done).done
    assert home.erasures.get(rider).done


def test_the_plan_says_what_a_request_would_ride_on_and_until_when(gathering):
    home = gathering
    assert home.erasures.plan("tailnum", OTHERS[0]).rides_on is None
    first = home.erasures.submit("tailnum", SUBJECT)
    plan = home.erasures.plan("tailnum", OTHERS[0])
    assert plan.rides_on == first
    found = home.erasures.get(first)
    assert plan.due_by > found.due_by == found.requested_at + timedelta(days=30)


def test_the_forecast_is_late_when_the_deadline_can_not_be_kept(home):
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    found = home.work(erasure_id, until=lambda one: one.phase == "redacted", only=("erasure",))
    assert found.retraining_s >= 0
    assert not found.is_late(found.requested_at)
    slow = replace(found, retraining_s=timedelta(days=31).total_seconds())
    assert slow.is_late(found.requested_at)
    assert replace(found, phase="blocked").forecast(found.requested_at) is None
    assert replace(found, phase="blocked").is_late(found.requested_at)


def test_it_rides_on_a_retraining_that_comes_anyway(home):
    home.parts = replace(home.parts, rides=timedelta(hours=1))
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    home.work(erasure_id, until=lambda one: one.phase == "purged")
    loop = home.loop()
    for _ in range(3):
        loop.step()
    with home.ledger.read() as tx:
        assert tx.intents.list("pipeline_run") == [], "it waits"
    newer = home.train(pins={"flights": 3}, reason="trigger")
    with home.ledger.write() as tx:
        tx.intents.wake("erasure", erasure_id)
    found = home.work(erasure_id)
    assert found.done, found.reason
    assert found.replacements == {"model:late@3": str(newer.ref)}
    assert home.trained == []
    assert home.champion() == newer.ref


def test_it_waits_for_none_when_the_deadline_is_at_risk(home):
    home.parts = replace(home.parts, rides=timedelta(days=365))
    home.erasures._deadline = timedelta()
    found = home.work(home.erasures.submit("tailnum", SUBJECT))
    assert found.done, found.reason
    assert len(home.trained) == 1
    assert home.champion() == Ref("model", "late", 4)
