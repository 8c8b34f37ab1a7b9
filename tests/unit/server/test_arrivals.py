"""Events over HTTP: every mode of CloudEvents, from those who have their token and nobody else."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from served import served

from towpath.ledger import open_ledger
from towpath.operate.triggers import EventInbox, On
from towpath.server import Access
from towpath.server.access import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeded_home import SeededHome

    from towpath.ledger import Ledger
    from towpath.storage.database import Database
    from towpath.storage.keys import FileKeyring

TOKEN = "the-senders'-token"
ORDER = "com.shop.order.imported"
EVENT = {"specversion": "1.0", "id": "a", "source": "/shop", "type": ORDER}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


@pytest.fixture
def ledger(sqlite_database: Database, keyring: FileKeyring) -> Ledger:
    ledger = open_ledger(sqlite_database, keyring)
    with ledger.write() as tx:
        trigger = On(event=ORDER, given={"day": "data.day"})
        spec = {"project": "shop", **dataclasses.asdict(trigger)}
        tx.intents.put("trigger", f"shop.{trigger.name}", project="shop", spec=spec)
    return ledger


@pytest.fixture
def door(home: SeededHome, ledger: Ledger, keyring: FileKeyring) -> Iterator[httpx.Client]:
    services = dataclasses.replace(home.services, ledger=ledger, inbox=EventInbox(ledger, keyring))
    access = Access(token="another", events_token=TOKEN)
    bearer = {"authorization": f"Bearer {TOKEN}"}
    with (
        served(services, access) as url,
        httpx.Client(base_url=url, headers=bearer, timeout=30) as client,
    ):
        yield client


def taken(ledger: Ledger) -> list[dict[str, Any]]:
    with ledger.read() as tx:
        rows = tx.intents.list("cloud_event")
    return [next(iter(row.spec["values"].values())) for row in rows]


@pytest.mark.parametrize("write", [to_structured_event, to_binary_event])
def test_what_the_official_sdk_sends_is_taken_once(write: Any, door: httpx.Client, ledger: Ledger):
    event = CloudEvent(
        {"id": "7", "source": "/shop", "type": ORDER, "subject": "Bücher & mehr"},
        {"day": "2013-01-01"},
    )
    message = write(event)
    for expected in ("taken", "repeated"):
        answer = door.post(EVENTS, content=message.body, headers=message.headers)
        assert answer.status_code == 202
        counts = {"taken": 0, "repeated": 0, "unwanted": 0}
        assert answer.json() == {**counts, expected: 1}
    assert taken(ledger) == [{"day": "2013-01-01"}]


def test_a_batch_is_taken_whole(door: httpx.Client, ledger: Ledger):
    events = [
        {**EVENT, "id": "a", "data": {"day": 1}},
        {**EVENT, "id": "b", "data": {"day": 2}},
        {**EVENT, "id": "a", "data": {"day": 1}},
        {**EVENT, "id": "c", "type": "com.shop.order.deleted"},
    ]
    answer = door.post(EVENTS, content=json.dumps(events), headers=BATCH)
    assert answer.json() == {"taken": 2, "repeated": 1, "unwanted": 1}
    assert sorted(one["day"] for one in taken(ledger)) == [1, 2]


def test_a_batch_with_one_bad_event_is_refused_whole(door: httpx.Client, ledger: Ledger):
    events = [{**EVENT, "data": {"day": 1}}, {"id": "b", "data": "ada@example.org"}]
    answer = door.post(EVENTS, content=json.dumps(events), headers=BATCH)
    assert answer.status_code == 400
    assert "ada" not in answer.text
    assert taken(ledger) == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (STRUCTURED, "{"),
        (STRUCTURED, "[]"),
        (STRUCTURED, "[" * 100_000),
        (STRUCTURED, json.dumps({**EVENT, "specversion": "0.3"})),
        (STRUCTURED, json.dumps({name: EVENT[name] for name in ("specversion", "source", "type")})),
        (STRUCTURED, json.dumps({**EVENT, "id": 7})),
        (STRUCTURED, json.dumps({**EVENT, "time": "yesterday"})),
        (STRUCTURED, json.dumps({**EVENT, "data_base64": "???"})),
        (BATCH, json.dumps([EVENT] * 101)),
        (BATCH, json.dumps(EVENT)),
        ({"content-type": "application/cloudevents+avro"}, "x"),
        ({"content-type": "application/json"}, json.dumps(EVENT)),
        ({"ce-specversion": "1.0", "ce-id": "a", "ce-type": ORDER}, "{}"),
        ({**{f"ce-{name}": text for name, text in EVENT.items()}, "ce-time": "soon"}, "{}"),
    ],
)
def test_nonsense_is_refused_with_what_to_do(
    headers: dict[str, str], body: str, door: httpx.Client, ledger: Ledger
):
    answer = door.post(EVENTS, content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "invalid-request"
    assert answer.json()["remedy"]
    assert taken(ledger) == []


def test_a_body_is_bounded(door: httpx.Client):
    event = {**EVENT, "data": {"day": 1, "rest": "x" * 300_000}}
    assert door.post(EVENTS, json=event, headers=STRUCTURED).status_code == 413


@pytest.mark.parametrize("token", ["", "Bearer another", "Bearer", "Basic the-senders'-token"])
def test_no_other_token_opens_the_door(token: str, door: httpx.Client, ledger: Ledger):
    headers = {**STRUCTURED, "authorization": token}
    answer = door.post(EVENTS, json={**EVENT, "data": {"day": 1}}, headers=headers)
    assert answer.status_code == 401
    assert taken(ledger) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", EVENTS), ("POST", "/api/v1/labelling/late-review/next"), ("POST", f"{EVENTS}/stream")],
)
def test_the_senders_token_opens_nothing_else(method: str, path: str, door: httpx.Client):
    assert door.request(method, path).status_code == 401


def test_a_page_of_another_site_is_no_sender(door: httpx.Client):
    headers = {**STRUCTURED, "origin": "https://evil.example"}
    assert door.post(EVENTS, json=EVENT, headers=headers).status_code == 403


def test_without_a_senders_token_nothing_is_taken(home: SeededHome, ledger: Ledger):
    services = dataclasses.replace(home.services, ledger=ledger)
    headers = {**STRUCTURED, "authorization": "Bearer x", "towpath-actor": "dee"}
    with served(services) as url:
        answer = httpx.post(f"{url}{EVENTS}", json=EVENT, headers=headers)
    assert answer.status_code == 405
