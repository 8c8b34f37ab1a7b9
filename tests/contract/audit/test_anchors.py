"""Every anchor keeps statements as the contract says, and the controller puts them there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.clock import ManualClock, SystemClock
from towpath.core.errors import InvalidProject, InvalidSetting, Unavailable, UsageError
from towpath.ledger import verify_checkpoint
from towpath.ledger.controllers import ControllerLoop
from towpath.trace.audit.anchoring import (
    KIND,
    AnchorReconciler,
    FileAnchor,
    GitAnchor,
    anchor_name,
    line_of,
    open_anchor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.ledger import Checkpoint, Ledger
    from towpath.storage.keys import FileKeyring
    from towpath.trace.audit.anchoring import Anchor

HOUR = timedelta(hours=1)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "anchors.git")], check=True)
    return tmp_path / "anchors.git"


@pytest.fixture(params=["file", "git"])
def anchor(request: pytest.FixtureRequest, tmp_path: Path) -> Anchor:
    if request.param == "file":
        return FileAnchor(tmp_path / "anchors.jsonl")
    return GitAnchor(request.getfixturevalue("repository"))


@pytest.fixture
def statements(sqlite_ledger: Ledger) -> list[Checkpoint]:
    made: list[Checkpoint] = []
    for number in range(3):
        with sqlite_ledger.write() as tx:
            tx.events.append("thing.happened", "run:1", number=number)
            made.append(tx.events.checkpoint())
    return made


def grow(ledger: Ledger) -> None:
    with ledger.write() as tx:
        tx.events.append("thing.happened", "run:1")


def test_statements_are_kept_in_order_and_once(
    anchor: Anchor, statements: list[Checkpoint]
) -> None:
    assert anchor.readable
    assert anchor.read() == []
    for one in (statements[0], statements[1], statements[1], statements[2]):
        anchor.put(one)
    assert anchor.read() == statements


def test_a_line_that_was_torn_is_written_again(
    tmp_path: Path, statements: list[Checkpoint]
) -> None:
    path = tmp_path / "anchors.jsonl"
    path.write_bytes(line_of(statements[0]) + line_of(statements[1])[:40])
    FileAnchor(path).put(statements[1])
    assert FileAnchor(path).read() == statements[:2]


def test_git_keeps_a_commit_for_each_and_touches_nothing_else(
    tmp_path: Path, statements: list[Checkpoint]
) -> None:
    work = tmp_path / "work"
    subprocess.run(["git", "init", "-q", "-b", "main", str(work)], check=True)
    (work / "mine.txt").write_text("unsaved")
    for one in statements:
        GitAnchor(work).put(one)
    assert git(work, "rev-list", "--count", "towpath-anchors") == "3"
    assert git(work, "log", "-1", "--format=%s", "towpath-anchors").startswith("Log of ")
    assert git(work, "status", "--porcelain") == "?? mine.txt"
    assert git(work, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_git_pushes_where_it_is_told(
    tmp_path: Path, repository: Path, statements: list[Checkpoint]
) -> None:
    local = tmp_path / "local"
    subprocess.run(["git", "init", "-q", str(local)], check=True)
    git(local, "remote", "add", "notary", str(repository))
    GitAnchor(local, push="notary").put(statements[0])
    assert GitAnchor(repository).read() == statements[:1]


def test_what_can_not_be_reached_says_so(tmp_path: Path, statements: list[Checkpoint]) -> None:
    for one in (FileAnchor(tmp_path / "no" / "file"), GitAnchor(tmp_path / "no")):
        with pytest.raises(Unavailable):
            one.put(statements[0])


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("file:", InvalidSetting),
        ("anchors.jsonl", InvalidSetting),
        ("git:x?branch=y", InvalidSetting),
        ("git:x?push=--upload-pack=evil", InvalidSetting),
        ("git:x?push=ssh://somewhere/else", InvalidSetting),
        ("https://somebody:hunter2@example.com/", InvalidProject),
        ("https://example.com/", InvalidSetting),  # no secret
    ],
)
def test_addresses_that_mean_nothing_are_refused(
    address: str, error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error):
        open_anchor(address, folder=tmp_path, log="x", environ={})


class Receiver:
    """Somebody's server, for real."""

    def __init__(self) -> None:
        received: list[dict[str, Any]] = []
        self.received = received
        self.code = 204
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                received.append({"headers": dict(self.headers), "event": json.loads(body)})
                self.send_response(outer.code)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/anchors"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_a_web_hook_is_sent_signed_statements(
    receiver: Receiver, statements: list[Checkpoint], tmp_path: Path, keyring: FileKeyring
) -> None:
    hook = open_anchor(
        receiver.url, folder=tmp_path, log="abc", secret="${S}", environ={"S": "shh"}
    )
    assert not hook.readable
    hook.put(statements[0])
    hook.put(statements[0])
    [one, again] = receiver.received
    assert one["event"]["type"] == "towpath.checkpoint.signed"
    assert one["event"]["id"] == again["event"]["id"] == f"abc-checkpoint-{statements[0].size}"
    assert one["headers"]["webhook-signature"].startswith("v1,")
    assert one["event"]["data"]["root"] == statements[0].root
    assert verify_checkpoint(statements[0], keyring.public_key_pem)
    receiver.code = 400
    with pytest.raises(UsageError, match="refused"):
        hook.put(statements[1])


def test_a_web_hook_inside_the_private_network_is_not_reached(
    receiver: Receiver,
    statements: list[Checkpoint],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve = socket.getaddrinfo

    def rebound(host: Any, *rest: Any, **named: Any) -> Any:
        return resolve("127.0.0.1" if host == "anchors.example" else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)  # a name of theirs that leads to us
    url = receiver.url.replace("127.0.0.1", "anchors.example")
    given = {"folder": tmp_path, "log": "abc", "secret": "x", "environ": {}}
    with pytest.raises(UsageError, match="private network"):
        open_anchor(url, **given).put(statements[0])
    assert receiver.received == []
    open_anchor(url, **given, private=True).put(statements[0])
    assert len(receiver.received) == 1


class Works:
    """A worker with one anchor."""

    def __init__(self, ledger: Ledger, anchor: Anchor) -> None:
        self.wall = ManualClock(SystemClock().now())
        self.ledger = ledger
        self.reconciler = AnchorReconciler(ledger, {"a": anchor}, every=HOUR, wall=self.wall)
        with ledger.write() as tx:
            self.reconciler.declare(tx)

    def step(self) -> dict[str, Any]:
        with self.ledger.write() as tx:
            tx.intents.wake(KIND, anchor_name("a"))
        ControllerLoop(self.ledger, [self.reconciler], owner="test").step()
        with self.ledger.read() as tx:
            row = tx.intents.get(KIND, anchor_name("a"))
        return {"phase": row.phase, **row.status}


def test_a_log_is_anchored_when_it_has_grown_and_it_is_time(
    anchor: Anchor, sqlite_ledger: Ledger
) -> None:
    works = Works(sqlite_ledger, anchor)
    assert works.step()["taken"] == 1
    grow(sqlite_ledger)
    assert works.step()["taken"] == 1  # too soon
    works.wall.advance(HOUR)
    assert works.step()["taken"] == 2
    works.wall.advance(HOUR)
    assert works.step()["taken"] == 2  # nothing happened
    with sqlite_ledger.read() as tx:
        assert [one.size for one in anchor.read()] == [
            one.size for one in reversed(tx.events.checkpoints())
        ]


def test_a_log_that_does_not_hold_what_is_anchored_gets_no_further_statement(
    tmp_path: Path, sqlite_ledger: Ledger, statements: list[Checkpoint]
) -> None:
    anchor = FileAnchor(tmp_path / "anchors.jsonl")
    anchor.put(replace(statements[1], root="00" * 32))
    state = Works(sqlite_ledger, anchor).step()
    assert state["phase"] == "broken"
    assert "not those that are anchored" in state["error"]
    assert len(anchor.read()) == 1
    anchor.put(replace(statements[1], size=10_000))
    assert "10,000 are anchored" in Works(sqlite_ledger, anchor).step()["error"]


def test_a_place_that_is_away_is_tried_again(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    works = Works(sqlite_ledger, FileAnchor(tmp_path / "share" / "anchors.jsonl"))
    assert works.step()["failures"] == 1
    (tmp_path / "share").mkdir()
    assert works.step()["failures"] == 0


def test_places_that_are_not_set_any_more_are_let_go(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    Works(sqlite_ledger, FileAnchor(tmp_path / "a"))
    with sqlite_ledger.write() as tx:
        AnchorReconciler(sqlite_ledger, {}, every=HOUR).declare(tx)
        assert tx.intents.list(KIND) == []


_KILLED = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from towpath.ledger import open_ledger
from towpath.ledger.controllers import ControllerLoop
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.trace.audit.anchoring import AnchorReconciler, open_anchor

url, keys, address, folder = sys.argv[1:]
ledger = open_ledger(open_database(url), FileKeyring(Path(keys)))
anchor = open_anchor(address, folder=Path(folder), log="x", environ={})

class Dying:
    readable = True
    read = staticmethod(anchor.read)
    def put(self, checkpoint):
        anchor.put(checkpoint)
        os.kill(os.getpid(), signal.SIGKILL)

reconciler = AnchorReconciler(ledger, {"a": Dying()}, every=timedelta(hours=1))
with ledger.write() as tx:
    reconciler.declare(tx)
ControllerLoop(ledger, [reconciler], owner="dying", lease_s=0.2).step()
"""


@pytest.mark.parametrize("kind", ["file:anchors.jsonl", "git:anchors.git"])
def test_a_worker_that_is_killed_after_putting_puts_nothing_twice(
    kind: str, sqlite_ledger: Ledger, sqlite_url: str, tmp_path: Path, repository: Path
) -> None:
    grow(sqlite_ledger)
    arguments = [sqlite_url, str(tmp_path / "keys"), kind, str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, *arguments],
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    anchor = open_anchor(kind, folder=tmp_path, log="x", environ={})
    [kept] = anchor.read()
    reconciler = AnchorReconciler(sqlite_ledger, {"a": anchor}, every=HOUR)
    loop = ControllerLoop(sqlite_ledger, [reconciler], owner="next")
    deadline = time.monotonic() + 30
    while not loop.step():  # the lease of the dead lapses
        assert time.monotonic() < deadline
    [again] = anchor.read()
    assert again == kept
    with sqlite_ledger.read() as tx:
        assert tx.intents.get(KIND, anchor_name("a")).status["taken"] == 1
