"""Every route of the document answers, in the shape the document says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from documented import DOCUMENT, check
from seeded_labels import QUEUE
from seeded_runs import BACKFILL

from towpath.server.resources.models import ModelVersionDetail
from towpath.server.resources.profiles import DatasetProfile

if TYPE_CHECKING:
    import httpx
    from seeded_home import SeededHome

ERASURE = "0199a5c2d3e47f60a1b2c3d4e5f60718"
CERTIFICATE_PAGE = "/api/v1/erasures/{erasure_id}/certificate.html"
NOT_JSON = {"/api/v1/runs/{run_id}/log/stream", "/api/v1/events/stream", CERTIFICATE_PAGE}
# They ask real models, which this home has none of: `test_explanations` holds them to the document.
ASK_MODELS = {
    "/api/v1/decisions/{decision_id}/replay",
    "/api/v1/decisions/{decision_id}/explanation",
}
PATHS = sorted(
    path
    for path, item in DOCUMENT["paths"].items()
    if "get" in item and path not in NOT_JSON | ASK_MODELS
)


def filled(path: str, home: SeededHome) -> str:
    """Put something that exists into a path's parameters."""
    name = {"rollouts": "delay-board.4", "monitors": "delay-board.drift"}
    noun = path.split("/")[3]
    names = {"datasets": "flights", "models": "late", "projects": "flights", **name}
    names |= {"backfills": BACKFILL, "artifacts": "{artifact}"}
    names |= {
        "alerts": "alert-4",
        "incidents": "delay-board.1",
        "features": "airport_weather",
        "feature-services": "fare_features",
    }
    run_id = home.searches[0] if noun == "searches" else home.runs[-1]
    if path.endswith("/diff"):
        names["datasets"] = "bookings"
    values = {
        "by": "queue",
        "name": names.get(noun, ""),
        "queue": QUEUE,
        "number": "3",
        "run_id": run_id,
        "service": "delay-board",
        "decision_id": home.decision_ids[5],
        "erasure_id": ERASURE,
        "entry": "3",
    }
    query = {
        "/api/v1/decisions": "?service=delay-board",
        "/api/v1/lineage": "?ref=model:late@4",
        "/api/v1/lineage/tree": "?ref=model:late@4",
        "/api/v1/lineage/events": "?ref=model:late@4",
        "/api/v1/search": "?q=late",
        "/api/v1/log/growth": "?old=3",
        "/api/v1/runs/{run_id}/metrics": "?key=score",
        "/api/v1/datasets/{name}/diff": "?before=bookings@golden&after=bookings~cheaper@2",
    }
    return path.format(**values) + query.get(path, "")


@pytest.mark.parametrize("path", PATHS)
def test_every_route_answers_what_its_schema_says(
    path: str, client: httpx.Client, home: SeededHome, artifact: str
):
    response = client.get(filled(path, home).replace("{artifact}", artifact))
    assert response.status_code == 200, response.text
    schema = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    check(response.json(), schema["schema"])


def test_a_certificate_is_a_page_that_runs_nothing(client: httpx.Client):
    response = client.get(CERTIFICATE_PAGE.format(erasure_id=ERASURE))
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.text.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/models/nobody", 404, "not-found"),
        ("/api/v1/models/late/versions/99", 404, "not-found"),
        ("/api/v1/datasets/flights/versions/0", 400, "invalid-name"),
        ("/api/v1/runs/nothing", 404, "not-found"),
        ("/api/v1/monitors/nothing", 404, "not-found"),
        ("/api/v1/lineage?ref=nonsense", 400, "invalid-name"),
        ("/api/v1/lineage", 400, "bad-request"),
        ("/api/v1/runs?limit=0", 400, "bad-request"),
        ("/api/v1/runs?status=sleeping", 400, "bad-request"),
        ("/api/v1/erasures/nothing", 404, "not-found"),
        ("/api/v1/incidents/nothing", 404, "not-found"),
        ("/api/v1/incidents?state=sleeping", 400, "bad-request"),
        ("/api/v1/decisions/nothing/trace", 404, "not-found"),
        ("/api/v1/no-such-thing", 404, "not-found"),
        ("/api/v1/models/../../etc/passwd", 404, "not-found"),
    ],
)
def test_what_can_not_be_answered_is_a_problem_document(
    path: str, status: int, code: str, client: httpx.Client
):
    response = client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["code"] == code
    assert told["status"] == status
    assert told["detail"]


def test_the_api_changes_nothing(client: httpx.Client):
    for path in PATHS:
        assert client.post(path.replace("{", "").replace("}", "")).status_code in (403, 405)


def test_an_unknown_name_suggests_the_nearest(client: httpx.Client):
    assert "flights" in client.get("/api/v1/datasets/flight").json()["remedy"]


def test_gate_evidence_comes_with_its_bounds(client: httpx.Client):
    answer = client.get("/api/v1/models/late/versions/3")
    version = msgspec.json.decode(answer.content, type=ModelVersionDetail)
    refused = version.gates[0]
    assert (version.state, version.verdict, refused.verdict) == ("rejected", "fail", "fail")
    assert refused.lower is not None
    assert refused.upper is not None
    assert refused.lower < refused.estimate < refused.threshold < 0.7
    assert refused.direction == "at_least"


def test_profiles_show_no_value_of_a_personal_column(client: httpx.Client):
    answer = client.get("/api/v1/datasets/flights/versions/4/profile")
    profile = msgspec.json.decode(answer.content, type=DatasetProfile)
    tailnum = next(column for column in profile.columns if column.name == "tailnum")
    assert tailnum.kind == "hidden"
    assert tailnum.bars == []
    assert tailnum.quantiles == {}
    assert b"N00001" not in answer.content


def test_a_decision_is_traced_without_its_inputs_and_the_read_is_recorded(
    client: httpx.Client, home: SeededHome
):
    decision = home.decision_ids[7]
    answer = client.get(f"/api/v1/decisions/{decision}/trace")
    assert "inputs" not in answer.text
    newest = client.get("/api/v1/events", params={"limit": 1, "type": "decision.read"}).json()
    assert newest["events"][0]["subject"] == f"decision:{decision}"
    assert newest["events"][0]["actor"] == "server"
