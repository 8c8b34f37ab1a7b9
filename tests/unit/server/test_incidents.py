"""Incidents over HTTP: from a decision to a case, a waiver and the end, each in somebody's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from bank import ENV, Bank
from documented import DOCUMENT, check
from lender import loans
from served import served

from towpath.server import Services
from towpath.server.access import ACTOR_HEADER
from towpath.trace.lineage import LedgerTracer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def bank(sqlite_ledger: Any, disk_blobs: Any, keyring: Any, tmp_path: Path) -> Iterator[Bank]:
    home = Bank(ledger=sqlite_ledger, blobs=disk_blobs, keyring=keyring, folder=tmp_path)
    yield home
    home.writer.close()


@pytest.fixture
def services(bank: Bank) -> Services:
    return Services(
        ledger=bank.ledger,
        blobs=bank.blobs,
        keyring=bank.keyring,
        clock=bank.clock,
        environment=ENV,
        tracer=LedgerTracer(bank.ledger, bank.decisions),
        erasures=cast("Any", None),
        incidents=bank.incidents,
        cases=bank.cases,
    )


@pytest.fixture
def api(services: Services) -> Iterator[httpx.Client]:
    with (
        served(services) as url,
        httpx.Client(base_url=f"{url}/api/v1", timeout=60, headers={ACTOR_HEADER: "ann"}) as client,
    ):
        yield client


@pytest.fixture
def wrong(bank: Bank) -> list[str]:
    """Two decisions of a model that learnt the opposite of what is true."""
    rows = loans(200)
    bank.add_loans(rows)
    model = bank.train(rows.with_columns(granted=1 - rows["granted"]))
    bank.put(model)
    made = bank.decide(model, rows.filter(granted=1)[:20])
    found = [one for one in map(bank.decisions.find, made) if one is not None]
    return [one.decision_id for one in found if one.outputs["granted"] < 0.5][:2]


@pytest.fixture
def post(api: httpx.Client) -> Callable[..., Any]:
    """Post, and hold what is answered to the document."""

    def post(path: str, route: str, **body: Any) -> Any:
        answer = api.post(path, json=body)
        assert answer.status_code == 200, answer.text
        responses = DOCUMENT["paths"][f"/api/v1{route}"]["post"]["responses"]
        check(answer.json(), responses["200"]["content"]["application/json"]["schema"])
        return answer.json()

    return post


def test_a_wrong_answer_becomes_a_case_that_holds_back_and_may_be_waived(
    api: httpx.Client, bank: Bank, wrong: list[str], post: Callable[..., Any]
) -> None:
    opened = post("/incidents", "/incidents", decisions=wrong, title="turned round")
    at = f"/incidents/{opened['id']}"
    assert (opened["state"], opened["opened_by"], opened["title"]) == (
        "open",
        "ann",
        "turned round",
    )
    assert [one["decision"] for one in opened["evidence"]] == wrong

    looked = post(f"{at}/triage", "/incidents/{name}/triage", near=3)
    assert (looked["state"], looked["triage"]["by"]) == ("triaged", "ann")
    near = looked["triage"]["nearest"]["rows"]
    assert len(near) == 3
    assert set(near[0]) == {"nearness", "values", "outcome"}  # which rows they are is not told
    assert api.get(at).json()["triage"]["nearest"] is None  # and nothing of them is kept

    kept = post(f"{at}/cases", "/incidents/{name}/cases", expectation=">= 0.5")["kept"]
    (case,) = kept
    assert (case["expectation"], case["decision"], case["by"]) == (">= 0.5", wrong[0], "ann")
    (standing,) = case["standings"]
    assert (standing["verdict"], standing["passes"]) == ("fail", False)

    said = {"model": standing["model"], "reason": "until the fix is in", "lasts": "7d"}
    waiver = post(f"/cases/{case['name']}/waive", "/cases/{name}/waive", **said)
    assert (waiver["state"], waiver["by"]) == ("in force", "ann")
    (shown,) = api.get("/cases", params={"service": "lending"}).json()
    assert shown["standings"][0] == {**standing, "waived": waiver["name"], "passes": True}
    assert [one["name"] for one in shown["waivers"]] == [waiver["name"]]

    revoked = post(f"/waivers/{waiver['name']}/revoke", "/waivers/{name}/revoke")
    assert (revoked["state"], revoked["revoked_by"]) == ("revoked", "ann")
    retired = post(f"/cases/{case['name']}/retire", "/cases/{name}/retire", why="it was right")
    assert (retired["state"], retired["standings"]) == ("retired", [])
    assert api.get("/cases").json() == []
    assert len(api.get("/cases", params={"state": "retired"}).json()) == 1

    closed = post(f"{at}/close", "/incidents/{name}/close", why="they were told")
    assert (closed["state"], closed["closed_by"], closed["why"]) == (
        "closed",
        "ann",
        "they were told",
    )
    assert api.get("/incidents", params={"state": "open"}).json() == []
    with bank.ledger.read() as tx:
        events = tx.events.read(
            types=["incident.opened", "case.kept", "waiver.signed", "incident.closed"]
        )
    assert {one.actor for one in events} == {"ann"}


def test_traffic_is_of_the_service_that_the_case_holds(
    bank: Bank, wrong: list[str], post: Callable[..., Any]
) -> None:
    elsewhere = bank.train(loans(150))
    with bank.ledger.write() as tx:
        spec = tx.intents.get("service", "lending").spec
        tx.intents.put("service", "branch", project="lending", spec=spec, due=False)
        bank.releases.deploy(tx, environment=ENV, service="branch", model=elsewhere, reason="test")
    opened = post("/incidents", "/incidents", decisions=wrong)
    at = f"/incidents/{opened['id']}/cases"
    (case,) = post(at, "/incidents/{name}/cases", expectation=">= 0.5")["kept"]
    traffic = {one["model"]: one["traffic"] for one in case["standings"]}
    assert traffic == {"model:loan@1": 1.0, str(elsewhere): 0.0}


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("/incidents", {}, 400, "invalid-request"),
    ("/incidents", {"decisions": ["nobody"]}, 404, "not-found"),
    ("/incidents", {"decisions": ["x"] * 101}, 400, "bad-request"),
    ("/incidents/lending.9/triage", {}, 404, "not-found"),
    ("/incidents/lending.1/triage", {"near": 51}, 400, "bad-request"),
    ("/incidents/lending.1/cases", {"expectation": "roughly one half"}, 400, "invalid-request"),
    ("/incidents/lending.1/cases", {"expectation": "rain >= 1"}, 400, "invalid-request"),
    ("/incidents/lending.1/fix", {}, 409, "conflict"),
    ("/incidents/lending.1/close", {"why": "x" * 501}, 400, "bad-request"),
    ("/cases/nothing/retire", {"why": "done"}, 404, "not-found"),
    ("/waivers/nothing/revoke", {}, 404, "not-found"),
]


def test_what_can_not_be_is_told_as_a_problem(
    api: httpx.Client, bank: Bank, wrong: list[str]
) -> None:
    bank.incidents.open(decisions=wrong[:1], actor="ann")
    for path, body, status, code in REFUSED:
        answer = api.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_waiver_that_never_ends_is_refused(
    api: httpx.Client, bank: Bank, wrong: list[str], post: Callable[..., Any]
) -> None:
    at = bank.incidents.open(decisions=wrong[:1], actor="ann").id
    (case,) = post(f"/incidents/{at}/cases", "/incidents/{name}/cases", expectation=">= 0.5")[
        "kept"
    ]
    said = {"model": case["model"], "reason": "we like it", "lasts": "400d"}
    answer = api.post(f"/cases/{case['name']}/waive", json=said)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")


def test_a_server_without_incidents_says_so() -> None:
    nothing = cast("Any", None)
    services = Services(
        ledger=nothing,
        blobs=nothing,
        keyring=nothing,
        clock=nothing,
        environment=ENV,
        tracer=nothing,
        erasures=nothing,
    )
    with served(services) as url, httpx.Client(base_url=f"{url}/api/v1", timeout=30) as client:
        assert client.get("/incidents").status_code == 400
        assert client.get("/cases").status_code == 400
