"""Lineage over the API: from anything, either way, and what rows reached."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import polars as pl
import pytest
from seeded_home import SeededHome, seed_home
from served import served

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.core.refs import Ref
from towpath.server.access import ACTOR_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator

ANN = {ACTOR_HEADER: "ann"}
ROWS = "/api/v1/lineage/rows"


class Parcel(Schema):
    parcel: int
    weighed: datetime
    scale: str


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededHome]:
    """A home of these tests' own: they add to it."""
    seeded = seed_home(tmp_path_factory.mktemp("home"), days=12, per_day=4)
    yield seeded
    seeded.close()


@pytest.fixture(scope="module")
def client(home: SeededHome) -> Iterator[httpx.Client]:
    with served(home.services) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def parcels(home: SeededHome) -> Ref:
    """A data set of a week's parcels, and a training that read it."""
    parcels = Dataset("parcels", schema=Parcel, key="parcel", time="weighed")
    services = home.services
    store = ParquetDatasetStore(services.ledger, services.blobs, services.keyring)
    start = datetime(2013, 1, 1, tzinfo=UTC)
    rows = pl.DataFrame(
        {
            "parcel": range(12),
            "weighed": [start + timedelta(hours=hour) for hour in range(12)],
            "scale": ["a", "b", "c"] * 4,
        }
    )
    version = store.commit(parcels, rows, project="flights").ref
    with home.ledger.write() as tx:
        run = tx.runs.start(kind="pipeline", name="weigh", project="flights")
        tx.graph.link(run.ref, "used", version)
        tx.graph.link(Ref("model", "late", 1), "made", run.ref)
        tx.runs.finish(run.id, "finished")
    return version


def test_rows_are_followed_to_models_and_decisions(
    client: httpx.Client, parcels: Ref, home: SeededHome
):
    asked = {"ref": str(parcels), "where": "scale = 'a'", "limit": 10}
    found = client.post(ROWS, headers=ANN, json=asked)
    assert found.status_code == 200, found.text
    told = found.json()
    assert (told["rows"], told["clean"], told["spared"]) == (4, 0, 0)
    assert [one["ref"] for one in told["models"]] == ["model:late@1"]
    assert told["decisions"] == sum(one["decisions"] for one in told["answered"]) > 0
    assert "keys" not in told
    with home.ledger.read() as tx:
        event = tx.events.read(types=["rows.traced"], limit=None)[-1]
    assert (event.actor, event.payload["rows"]) == ("ann", 4)
    assert "'a'" not in str(event.payload)


def test_lists_are_cut_and_their_lengths_told(client: httpx.Client, parcels: Ref):
    asked = {"ref": str(parcels), "where": "parcel >= 0", "limit": 1}
    told = client.post(ROWS, headers=ANN, json=asked).json()
    assert len(told["answered"]) == 1
    assert told["totals"]["answered"] > 1


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"where": "scale ="}, 400),
        ({"where": "colour = 'red'"}, 400),
        ({"ref": "dataset:nothing@1"}, 404),
        ({"ref": "parcels"}, 400),
    ],
)
def test_rows_that_can_not_be_meant_are_refused(
    client: httpx.Client, parcels: Ref, asked: dict[str, str], status: int
):
    given = {"ref": str(parcels), "where": "scale = 'a'", **asked}
    assert client.post(ROWS, headers=ANN, json=given).status_code == status


def test_somebody_must_say_who_asks_for_rows(client: httpx.Client, parcels: Ref):
    given = {"ref": str(parcels), "where": "scale = 'a'"}
    assert client.post(ROWS, json=given).status_code == 403


def test_a_service_leads_back_to_what_serves_and_an_alert_to_its_model(get: Any):
    service = get("/lineage/tree", ref="service:delay-board")["tree"]
    assert {one["kind"] for one in service["root"]["children"]} == {"model"}
    alert = get("/alerts")[0]
    tree = get("/lineage/tree", ref=f"alert:{alert['id']}")["tree"]["root"]
    assert tree["children"][0]["relation"] == "is about"


def test_a_decision_shows_no_inputs_and_its_reading_is_recorded(get: Any, home: SeededHome):
    decision = home.decision_ids[3]
    facts = get("/lineage/tree", ref=f"decision:{decision}")["tree"]["root"]["facts"]
    assert not {"inputs", "outputs", "key"} & set(facts)
    with home.ledger.read() as tx:
        event = tx.events.read(types=["decision.read"], limit=None)[-1]
    assert event.subject == f"decision:{decision}"


def test_a_graph_of_few_nodes_says_what_it_leaves_out(get: Any):
    graph = get("/lineage", ref="model:late@4", direction="trace", limit=2)
    assert graph["truncated"]
    assert len(graph["nodes"]) == 2
    assert sum(node["more"] for node in graph["nodes"]) > 0
    near = get("/lineage", ref="model:late@4", direction="trace", depth=1)
    assert max(abs(node["distance"]) for node in near["nodes"]) == 1


def test_events_are_openlineage(get: Any):
    told = get("/lineage/events", ref="model:late@4", full=True)
    assert not told["truncated"]
    assert {"START", "COMPLETE"} <= {one.get("eventType") for one in told["events"]}
