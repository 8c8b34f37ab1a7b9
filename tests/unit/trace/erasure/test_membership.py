"""The certificate says whether the replacement recognises the erased rows; nothing of them stays for it."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, replace
from typing import Any

import msgspec
import polars as pl
import pytest

from towpath.assets.models import load_model
from towpath.assets.models.membership import Attack, Estimate, Tried, fit_of
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
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


def pretend(home: Any, erasure_id: str, replacement: str) -> None:
    """Let a model be what has replaced the live one, and hold rows that are known to be in its answers."""
    with home.ledger.read() as tx:
        intent = tx.intents.get(KIND, erasure_id)
        package = tx.versions.get(Ref.parse(replacement, "model")).body["package"]
    state = state_of(intent)
    rows = pl.DataFrame({"distance": [float(n) for n in range(20)], "late": [1] * 20})
    fits = fit_of(load_model(package, home.blobs), rows, 1.0)
    sure = Estimate(value=1.0, low=0.9, high=1.0)
    attack = Attack(
        inside=fits.tolist(),
        outside=(fits - 5.0).tolist(),
        spread_inside=1.0,
        spread_outside=1.0,
        strangers=[-9.0, -8.0, -7.0],
        control=Tried(auc=sure, tpr=sure, rows=20),
        scale=1.0,
        shadows=32,
    )
    (live,) = state.live
    held = Held(
        rows=rows.to_dict(as_series=False),
        kinds={"distance": "Float64", "late": "Int64"},
        fits=fits.tolist(),
        attack=attack,
    )
    sealed = home.keyring.seal(erasure_id, msgspec.msgpack.encode({live: held}))
    said = {live: {"tells": True, "control": asdict(attack.control)}}
    said[live]["before"] = asdict(attack.on(fits))
    state = msgspec.structs.replace(state, hold=base64.b64encode(sealed).decode(), membership=said)
    with home.ledger.write() as tx:
        tx.intents.report(KIND, erasure_id, status=msgspec.to_builtins(state))


def test_a_replacement_that_answers_as_before_blocks_until_another_takes_its_place(
    tested: Any,
) -> None:
    erasure_id = tested.erasures.submit("tailnum", SUBJECT)
    tested.work(erasure_id, until=lambda one: one.phase == "rolling_out")
    pretend(tested, erasure_id, "model:late@4")
    found = tested.work(erasure_id)
    assert (found.phase, found.blocked_in) == ("blocked", "rolling_out")
    assert "model:late@4 answers every erased row as model:late@3 did" in found.reason
    assert hold_of(tested, erasure_id), "it is asked again"
    tested.erasures.retry(erasure_id)
    assert tested.work(erasure_id).phase == "blocked"

    tested.train(pins={"flights": 1})  # by hand, in another way
    tested.erasures.retry(erasure_id)
    assert tested.work(erasure_id, until=lambda one: one.done).phase == "certified"
    assert hold_of(tested, erasure_id) == ""
    assert str(tested.champion()) == "model:late@5"
    models = {
        one["model"]: one for one in json.loads(tested.erasures.certificate(erasure_id))["models"]
    }
    for gone in ("model:late@3", "model:late@4"):
        assert models[gone]["replacement"] == "model:late@5"
        assert tested.state(gone) == "deleted"
    assert models["model:late@3"]["membership"]["same_answers"] is False


def test_equal_answers_where_rows_were_recognised_contradict() -> None:
    said = {"model:m@1": {"same_answers": False}, "model:n@1": {"skipped": "…"}}
    assert contradicted(said) == []
    assert contradicted({**said, "model:o@1": {"same_answers": True}}) == ["model:o@1"]
