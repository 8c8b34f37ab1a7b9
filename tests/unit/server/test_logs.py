"""What steps print, over HTTP: pieces of it, and a stream that goes on where it broke."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from served import served

from towpath.ledger.logs import LogPart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeded_home import SeededHome

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore


class Told:
    """A pipeline run with two steps that a test lets print."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        with ledger.write() as tx:
            self.run = tx.runs.start(kind="pipeline", name="train", project="toy").id
            self.steps = [
                tx.runs.start(kind="step", name=name, project="toy", parent=self.run).id
                for name in ("prepare", "fit")
            ]
        self._places = dict.fromkeys(self.steps, 0)

    def say(self, step: int, text: str) -> None:
        run_id, data = self.steps[step], text.encode()
        with self.ledger.write() as tx:
            tx.logs.append({run_id: LogPart(begins=self._places[run_id], data=data)})
        self._places[run_id] += len(data)

    def end(self) -> None:
        with self.ledger.write() as tx:
            for run_id in (*self.steps, self.run):
                tx.runs.finish(run_id, "finished")


@pytest.fixture
def told(sqlite_ledger: Ledger) -> Told:
    return Told(sqlite_ledger)


@pytest.fixture
def api(home: SeededHome, told: Told, disk_blobs: BlobStore) -> Iterator[httpx.Client]:
    services = dataclasses.replace(home.services, ledger=told.ledger, blobs=disk_blobs)
    with served(services) as url, httpx.Client(base_url=f"{url}/api/v1", timeout=30) as client:
        yield client


def events(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield name, data and id of each server-sent event."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if line and name:
            fields[name] = value
        elif fields.get("event"):
            yield fields["event"], json.loads(fields["data"]), fields["id"]
            fields = {}


def test_a_piece_is_read_from_a_place_on(api: httpx.Client, told: Told):
    told.say(1, "one\ntwo\n")
    answer = api.get(f"/runs/{told.steps[1]}/log", params={"after": 4})
    assert answer.json() == {
        "run": told.steps[1],
        "step": "fit",
        "text": "two\n",
        "after": 8,
        "left_out": 0,
        "ended": False,
    }


def test_a_whole_output_is_read_from_its_blob(api: httpx.Client, told: Told, disk_blobs: BlobStore):
    with told.ledger.write() as tx:
        tx.runs.set_tags(told.steps[0], {"log": disk_blobs.put("grüß dich\n".encode())})
    told.end()
    answer = api.get(f"/runs/{told.steps[0]}/log").json()
    assert (answer["text"], answer["ended"]) == ("grüß dich\n", True)


def test_a_stream_tells_what_is_printed_as_it_is_and_ends_with_the_run(
    api: httpx.Client, told: Told
):
    told.say(0, "first\n")
    with api.stream("GET", f"/runs/{told.run}/log/stream") as response:
        heard = events(response)
        name, data, _ = next(heard)
        assert (name, data["step"], data["text"]) == ("log", "prepare", "first\n")
        told.say(1, "second\n")
        assert next(heard)[1]["text"] == "second\n"
        told.end()
        assert next(heard)[0] == "end"
        assert list(heard) == []


def test_a_stream_that_broke_is_taken_up_where_it_broke(api: httpx.Client, told: Told):
    told.say(0, "first\n")
    path = f"/runs/{told.run}/log/stream"
    with api.stream("GET", path) as response:
        _, _, place = next(events(response))
    told.say(0, "second\n")
    told.end()
    with api.stream("GET", path, headers={"last-event-id": place}) as response:
        assert [data.get("text") for _, data, _ in events(response)] == ["second\n", None]


def test_what_is_not_there_is_a_problem_and_no_stream(api: httpx.Client, told: Told):
    for path in ("/runs/nobody/log", "/runs/nobody/log/stream"):
        assert api.get(path).status_code == 404
    answer = api.get(f"/runs/{told.run}/log/stream", headers={"last-event-id": "seven"})
    assert answer.status_code == 400
