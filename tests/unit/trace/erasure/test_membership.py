"""The certificate says whether the replacement recognises the erased rows; nothing of them stays for it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from towpath.core.errors import NotFound
from towpath.trace.erasure import verify_certificate
from towpath.trace.erasure.membership import Held, contradicted, prepare
from towpath.trace.erasure.readable import as_page
from towpath.trace.erasure.state import KIND, request_of, state_of
from towpath.trace.erasure.work import Work

SUBJECT = "N14228"


@pytest.fixture
def tested(home: Any) -> Any:
    home.parts = replace(home.parts, membership_s=60.0)
    return home


def hold_of(home: Any, erasure_id: str) -> str:
    with home.ledger.read() as tx:
        return state_of(tx.intents.get(KIND, erasure_id)).hold


def opened(home: Any, erasure_id: str, hold: str) -> dict[str, Held]:
    plain = home.keyring.unseal(erasure_id, base64.b64decode(hold))
    return msgspec.msgpack.decode(plain, type=dict[str, Held])


def test_what_was_tested_is_in_the_certificate_and_on_its_page(tested: Any) -> None:
    erasure_id = tested.erasures.submit("tailnum", SUBJECT)
    assert tested.work(erasure_id).phase == "certified"
    certificate = tested.erasures.certificate(erasure_id)
    assert verify_certificate(certificate, tested.keyring.public_key_pem).valid
    (said,) = (one["membership"] for one in json.loads(certificate)["models"] if one["replacement"])
    assert (said["attack"], said["rows_from"]) == ("LiRA", "dataset:flights@3")
    assert said["before"]["rows"] == said["after"]["rows"] == 2
    for tried in (said["control"], said["before"], said["after"]):
        assert 0 <= tried["auc"]["low"] <= tried["auc"]["value"] <= tried["auc"]["high"] <= 1
    assert said["same_answers"] is False
    assert said["tells"] == (said["control"]["auc"]["low"] > 0.5)
    assert "Whether the replacements recognise the erased rows" in as_page(certificate)


def test_the_rows_are_held_sealed_and_dropped_before_the_verification(tested: Any) -> None:
    erasure_id = tested.erasures.submit("tailnum", SUBJECT)
    tested.work(erasure_id, until=lambda one: one.phase == "redacted")
    hold = hold_of(tested, erasure_id)
    (held,) = opened(tested, erasure_id, hold).values()
    assert set(held.rows) == {"distance", "late"}, "what the model takes, and no name"
    assert len(held.rows["late"]) == 2
    tested.work(erasure_id, until=lambda one: one.phase in ("retired", "verified"))
    assert hold_of(tested, erasure_id) == ""
    tested.work(erasure_id)
    with pytest.raises(NotFound, match="gone"):
        opened(tested, erasure_id, hold)


def test_taking_them_again_after_a_crash_gives_the_same(tested: Any) -> None:
    erasure_id = tested.erasures.submit("tailnum", SUBJECT)
    tested.work(erasure_id, until=lambda one: one.phase == "acknowledged")
    hold = hold_of(tested, erasure_id)
    with tested.ledger.read() as tx:
        intent = tx.intents.get(KIND, erasure_id)
    work = Work(id=erasure_id, request=request_of(intent), state=state_of(intent))
    again, _ = prepare(tested.parts, work)
    assert again == hold


def test_without_time_for_it_nothing_is_held_and_nothing_said(home: Any) -> None:
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    home.work(erasure_id, until=lambda one: one.phase == "redacted")
    assert hold_of(home, erasure_id) == ""
    home.work(erasure_id)
    models = json.loads(home.erasures.certificate(erasure_id))["models"]
    assert not any("membership" in one for one in models)


def test_what_can_not_be_tested_says_why(tested: Any) -> None:
    tested.parts = replace(tested.parts, membership_s=1e-9)
    erasure_id = tested.erasures.submit("tailnum", SUBJECT)
    tested.work(erasure_id)
    certificate = tested.erasures.certificate(erasure_id)
    (said,) = (one["membership"] for one in json.loads(certificate)["models"] if one["replacement"])
    assert "allowed" in said["skipped"]
    assert "not tested" in as_page(certificate)


def test_equal_answers_where_rows_were_recognised_contradict() -> None:
    assert (
        contradicted({"model:m@1": {"same_answers": False}, "model:n@1": {"skipped": "…"}}) is None
    )
    assert "model:m@1" in str(contradicted({"model:m@1": {"same_answers": True}}))
