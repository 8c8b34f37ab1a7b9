"""What the pages are told of a release: who is on it, whose contracts hold, and what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.contracts import Contract, ServiceVersion
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.operate.releases import Consumer, LedgerReleases, Pins, ReleaseChecker, register
from towpath.server.views.releases import get_release, list_releases

if TYPE_CHECKING:
    from towpath.ledger import Ledger

ENV = "production"
WEB, APP = "checkout-web@2.4.1", "crew-app@1"


@pytest.fixture
def released(sqlite_ledger: Ledger) -> Ledger:
    """Two releases: the second has a later model, and leaves one program behind on the first."""
    column: dict[str, Any] = {"name": "distance", "datatype": "FP64", "shape": [-1]}
    body = {"signature": {"inputs": [column], "outputs": [{"name": "late"}]}}
    releases = LedgerReleases()
    said = [ServiceVersion.parse(one) for one in (WEB, APP)]
    with sqlite_ledger.write() as tx:
        spec = {"environment": ENV, "model": "late", "subject_field": None, "durability": "ack"}
        tx.intents.put("service", "board", project="flights", spec=spec)
        tx.versions.declare("model", "late", project="flights")
        for number in (1, 2):
            package = {"package": f"p{number}"}
            tx.versions.commit(
                "model", "late", digest=f"{number}", body={**body, **package}, state="approved"
            )
        contract = Contract("board", inputs={"distance": float})
        for one in said:
            register(
                tx,
                Consumer(one.consumer, version=one.version, contracts=[contract]),
                project="flights",
            )
        asked = {WEB: "2013-04-01T00:00:00+00:00"}
        tx.intents.put(
            "gateway", "g", project="towpath", due=False,
            spec={"environment": ENV}, status={"asked": asked},
        )  # fmt: skip
    for number, keep in ((1, []), (2, [said[1]])):
        pins = Pins(
            models={"board": Ref("model", "late", number)}, service_versions=frozenset(said)
        )
        with sqlite_ledger.write() as tx:
            releases.put_in_force(tx, ENV, pins, reason="test", keep=keep)
    return sqlite_ledger


def test_each_release_says_how_it_stands_and_for_whom(released: Ledger):
    with released.read() as tx:
        found = list_releases(tx, ENV)
    assert [(one.number, one.standing, one.service_versions) for one in found] == [
        (2, "default", [WEB]),
        (1, "beside", [APP]),
    ]


def test_a_release_shows_its_matrix_and_what_it_changed(released: Ledger):
    with released.read() as tx:
        shown = get_release(tx, ENV, 2, ReleaseChecker())
    (row,) = shown.contracts
    assert (row.service_version, row.verdicts) == (WEB, {"board": "ok"})
    assert row.asked is not None
    assert shown.findings == []
    assert shown.against == 1
    changed = {(one.kind, one.name): (one.before, one.after) for one in shown.differences}
    assert changed["model", "board"] == ("model:late@1", "model:late@2")
    assert changed["service version", APP] == ("consumer:crew-app@1", None)


def test_what_speaks_against_a_release_today_is_shown(released: Ledger):
    with released.write() as tx:
        tx.versions.set_state(Ref("model", "late", 1), "deleted", reason="test")
    with released.read() as tx:
        shown = get_release(tx, ENV, 1, ReleaseChecker())
    assert [(one.verdict, one.model) for one in shown.findings] == [("refused", "model:late@1")]
    assert {one.verdicts["board"] for one in shown.contracts} == {"refused"}


def test_an_unknown_release_is_named(released: Ledger):
    with released.read() as tx, pytest.raises(NotFound):
        get_release(tx, ENV, 9, ReleaseChecker())
