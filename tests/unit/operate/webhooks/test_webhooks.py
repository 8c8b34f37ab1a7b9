"""Events told to others: signed, in order, at least once, and only where they may go."""

from __future__ import annotations

import base64
import hmac
import threading
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from towpath.core.errors import InvalidProject
from towpath.operate.webhooks import Webhook, WebhookReconciler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from towpath.ledger import Ledger
    from towpath.ledger.records import Intent

SECRET = "a secret of two"


@dataclass
class Receiver:
    """A server that remembers what it was sent, and answers as it is told to."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[HTTPMessage] = field(default_factory=list)

    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.got.append(HTTPMessage(headers, body))
            code = made.answers.pop(0) if made.answers else 204
            self.send_response(code)
            if code == 302:
                self.send_header("location", made.url)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


class Teller:
    """Declares a webhook, lets things happen, and lets it tell."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.environ = {"OPS_SECRET": SECRET}
        self.stop = threading.Event()

    def declare(self, url: str, **fields: Any) -> None:
        webhook = Webhook("ops", url=url, secret="${OPS_SECRET}", **fields)
        spec = {"project": "flights", **asdict(webhook)}
        with self.ledger.write() as tx:
            tx.intents.put("webhook", "flights.ops", project="flights", spec=spec)
        self.tell()

    def alert(self, name: str, *, project: str = "flights") -> None:
        with self.ledger.write() as tx:
            tx.events.append("alert.raised", "service:board", alert=name, project=project)

    def tell(self, ledger: Any = None) -> Intent:
        reconciler = WebhookReconciler(
            ledger or self.ledger, log="home", stop=self.stop, environ=self.environ
        )
        with self.ledger.write() as tx:
            tx.intents.wake("webhook", "flights.ops")
            held = tx.intents.claim(["webhook"], owner="test", lease_s=60)
        reconciler.reconcile(held)
        return self.row()

    def row(self) -> Intent:
        with self.ledger.read() as tx:
            return tx.intents.get("webhook", "flights.ops")


@pytest.fixture
def teller(sqlite_ledger: Ledger) -> Teller:
    return Teller(sqlite_ledger)


def test_an_event_is_a_cloud_event_with_a_signature_that_holds(teller: Teller, receiver: Receiver):
    teller.alert("before it was declared")
    teller.declare(receiver.url)
    teller.alert("one")
    assert teller.tell().status["sent"] == 1
    (got,) = receiver.got
    event = from_http_event(got)
    assert (event.get_type(), event.get_source()) == ("towpath.alert.raised", "/towpath/flights")
    assert event.get_data()["alert"] == "one"
    assert got.headers["webhook-id"] == event.get_id()
    signed = f"{event.get_id()}.{got.headers['webhook-timestamp']}.".encode() + got.body
    digest = hmac.digest(SECRET.encode(), signed, "sha256")
    assert got.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_only_what_is_asked_for_and_the_projects_own_is_told(teller: Teller, receiver: Receiver):
    teller.declare(receiver.url, events=["alert.raised", "run.finished"])
    teller.alert("theirs", project="loans")
    with teller.ledger.write() as tx:
        for project in ("flights", "loans"):
            run = tx.runs.start(kind="pipeline", name="train", project=project)
            tx.runs.finish(run.id, "finished")
    teller.tell()
    assert [from_http_event(one).get_type() for one in receiver.got] == ["towpath.run.finished"]


def test_what_does_not_answer_is_tried_again_and_nothing_overtakes_it(
    teller: Teller, receiver: Receiver
):
    teller.declare(receiver.url)
    teller.alert("one")
    teller.alert("two")
    receiver.answers = [503, 429]
    for failures in (1, 2):
        row = teller.tell()
        assert (row.phase, row.status["failures"]) == ("failing", failures)
    assert teller.tell().status["sent"] == 2
    first, again, once_more, second = receiver.ids()
    assert first == again == once_more != second


def test_a_refusal_settles_an_event_and_gone_ends_it_all(teller: Teller, receiver: Receiver):
    teller.declare(receiver.url)
    for name in ("bad", "moved", "good", "last"):
        teller.alert(name)
    receiver.answers = [400, 302, 204, 410]
    row = teller.tell()
    assert (row.phase, row.due_at) == ("gone", None)
    assert (row.status["sent"], row.status["refused"]) == (1, 2)
    assert len(receiver.got) == 4  # the redirect was not followed


def test_a_worker_that_dies_before_it_could_note_what_it_sent_sends_it_again_under_the_same_id(
    teller: Teller, receiver: Receiver
):
    class Dying:
        def __getattr__(self, name: str) -> Any:
            if name == "write":
                raise KeyboardInterrupt
            return getattr(teller.ledger, name)

    teller.declare(receiver.url)
    teller.alert("one")
    with pytest.raises(KeyboardInterrupt):
        teller.tell(Dying())
    with teller.ledger.write() as tx:
        tx.intents.release("test")
    teller.tell()
    assert len(receiver.ids()) == 2
    assert len(set(receiver.ids())) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://localhost.localdomain.invalid/", "did not answer"),
        ("http://127.0.0.1.nip.io.invalid/", "did not answer"),
        ("${NOT_SET}", "NOT_SET"),
    ],
)
def test_what_can_not_be_reached_is_a_failure_and_not_a_crash(teller: Teller, url: str, said: str):
    teller.declare(url)
    teller.alert("one")
    row = teller.tell()
    assert row.phase == "failing"
    assert said in row.status["error"]


def test_a_name_that_leads_into_the_private_network_is_refused_before_a_byte_is_sent(
    teller: Teller, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    import socket

    real = socket.create_connection
    port = int(receiver.url.rpartition(":")[2].partition("/")[0])

    def connect(_address: Any, *_: Any, **more: Any) -> socket.socket:
        return real(("127.0.0.1", port), **more)

    monkeypatch.setattr(socket, "create_connection", connect)
    teller.declare("http://hooks.example.org/")
    teller.alert("one")
    row = teller.tell()
    assert "inside a private network" in row.status["error"]
    assert receiver.got == []
    teller.declare("http://hooks.example.org/", private=True)
    assert teller.row().status["sent"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "ftp://example.org"},
        {"url": "https://user:password@example.org"},
        {"url": "https://example.org/?token=abc"},
        {"secret": "spelled out"},
        {"events": []},
        {"events": "alert.raised"},
        {"events": ["decision.read"]},
    ],
)
def test_what_would_give_something_away_or_makes_no_sense_is_refused(fields: dict[str, Any]):
    common = {"url": "https://example.org/hook", "secret": "${OPS_SECRET}"}
    with pytest.raises(InvalidProject):
        Webhook("ops", **{**common, **fields})
