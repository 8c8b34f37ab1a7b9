"""Webhooks, channels and alerts, from the command line."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from towpath.app.home import open_home
from towpath.app.place import resolve_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CODE = """
import towpath as tp

@tp.step
def one() -> int:
    return 1

@tp.pipeline
def train():
    return one()

project = tp.Project(
    "mine",
    owner="you@example.org",
    pipelines=[train],
    triggers=[tp.On(alert="drift", pipeline=train, cooldown="7d")],
    webhooks=[tp.Webhook("ops", url="${OPS_URL}", secret="${OPS_SECRET}", mode="binary")],
    channels=[tp.Slack("team", url="${OPS_URL}")],
)
"""


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[dict[str, str], bytes]]]:
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("OPS_URL", f"http://127.0.0.1:{server.server_port}/hook")
        monkeypatch.setenv("OPS_SECRET", "of two")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield got
        server.shutdown()
        thread.join()


@pytest.fixture
def applied(project: Path, towpath: Callable[..., Any]) -> Path:
    (project / "mine.py").write_text(CODE, encoding="utf-8")
    done = towpath("apply", "--json")
    assert done.code == 0, done.err
    return project


def last(done: Any) -> Any:
    return json.loads(done.out.splitlines()[-1])


@pytest.mark.usefixtures("applied")
def test_a_webhook_is_listed_shown_tried_and_resumed(
    towpath: Callable[..., Any], listener: list[tuple[dict[str, str], bytes]]
):
    listed = towpath("webhook", "list").out
    assert "mine.ops" in listed
    assert "slack" in listed
    assert "alert.raised" in towpath("webhook", "show", "mine.ops").out
    assert last(towpath("webhook", "test", "mine.ops", "--json"))["taken"] is True
    headers, body = listener[0]
    assert headers["ce-type"] == "towpath.test"
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {"webhook": "mine.ops"}
    assert towpath("webhook", "test", "mine.team").code == 0
    assert json.loads(listener[1][1])["blocks"][0]["type"] == "header"
    assert towpath("webhook", "resume", "mine.ops").code == 0
    assert towpath("webhook", "show", "mine.nobody").code != 0


@pytest.mark.usefixtures("applied")
def test_a_webhook_that_is_not_there_is_said_to_be_away(
    towpath: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPS_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("OPS_SECRET", "x")
    done = towpath("webhook", "test", "mine.ops")
    assert done.code == 5
    assert "did not answer" in done.err


def test_a_trigger_is_fired_and_an_alert_attended_to(applied: Path, towpath: Callable[..., Any]):
    assert towpath("trigger", "fire", "mine.on-drift", "--as", "kim").code == 0
    assert towpath("trigger", "fire", "mine.nobody").code != 0
    with open_home(resolve_place(applied, flags={}, environ={})) as home, home.ledger.write() as tx:
        about = {"monitor": "board.drift", "kind": "drift", "project": "mine", "model": "m@1"}
        spec = {**about, "service": "board", "summary": "wind moved", "features": []}
        tx.intents.put("alert", "a1", project="mine", spec=spec, phase="open", due=False)
    assert "wind moved" in towpath("alert", "list").out
    assert towpath("alert", "acknowledge", "a1", "--as", "kim").code == 0
    assert towpath("alert", "snooze", "a1", "--for", "1d").code == 0
    shown = last(towpath("alert", "show", "a1", "--json"))
    assert (shown["phase"], shown["status"]["by"]) == ("snoozed", "cli")
    assert towpath("alert", "resolve", "a1", "--why", "the sensor was changed").code == 0
    assert last(towpath("alert", "list", "--json")) == []
    assert towpath("alert", "resolve", "a1").code == 5
    assert "the sensor was changed" in towpath("alert", "show", "a1").out
