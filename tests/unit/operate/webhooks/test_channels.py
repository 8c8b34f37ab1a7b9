"""People are told of alerts by e-mail and chat: encrypted, once in a while, and of what is theirs."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import ipaddress
import json
import socket
import ssl
import threading
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from towpath.core.clock import ManualClock
from towpath.core.errors import InvalidProject
from towpath.operate.webhooks import ChannelReconciler, Email, Slack
from towpath.operate.webhooks.chatting import chat_message
from towpath.operate.webhooks.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.ledger.records import Intent

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Post:
    """A mail server that remembers what it took."""

    port: int
    trust: ssl.SSLContext
    mails: list[Any] = field(default_factory=list)
    users: list[bytes] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.answers:
            return self.answers.pop(0)
        self.mails.append(envelope)
        return "250 taken"

    def __call__(self, _server: Any, _session: Any, _envelope: Any, _how: str, data: Any) -> Any:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login)
        return AuthResult(success=data.password == b"open sesame", handled=False)


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.fixture(params=["smtp", "smtps"])
def post(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Post]:
    cert, key = certificate(tmp_path)
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(cert, key)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = Post(port, ssl.create_default_context(cafile=str(cert)))
    made.scheme = request.param  # type: ignore[attr-defined]
    secured = (
        {"ssl_context": own, "auth_require_tls": False}
        if request.param == "smtps"
        else {"tls_context": own, "require_starttls": True}
    )
    controller = Controller(made, hostname="127.0.0.1", port=port, authenticator=made, **secured)
    controller.start()
    yield made
    controller.stop()


@dataclass
class Chat:
    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@pytest.fixture
def chat() -> Iterator[Chat]:
    made = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(made.answers.pop(0) if made.answers else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/services/T/B/x"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


class Teller:
    """Declares a channel, lets alerts happen, and lets it tell."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.environ = {"SMTP_USER": "towpath", "SMTP_PASSWORD": "open sesame"}
        self.wall = ManualClock(datetime.now(UTC))
        self.trust: ssl.SSLContext | None = None

    def declare(self, channel: Email | Slack) -> None:
        spec = {"project": "flights", "channel": channel.channel, **asdict(channel)}
        with self.ledger.write() as tx:
            tx.intents.put("channel", "flights.ops", project="flights", spec=spec)
        self.tell()

    def alert(self, name: str, *, severity: str = "warning", project: str = "flights") -> None:
        about = {"monitor": "board.drift", "kind": "drift", "project": project, "model": "m@1"}
        spec = {
            **about,
            "service": "board",
            "severity": severity,
            "summary": f"wind moved in {name}",
            "since": "2026-02-01T00:00:00+00:00",
            "rows": 1234,
            "features": [
                {"name": "wind", "what": "median", "before": 1.0, "after": 2.5, "p": 1e-9}
            ],
            "cost": {"words": "12.00 EUR"},
        }
        with self.ledger.write() as tx:
            tx.intents.put("alert", name, project=project, spec=spec, phase="open", due=False)
            tx.events.append(
                "alert.raised", "service:board", alert=name, severity=severity, **about
            )

    def tell(self, ledger: Any = None) -> Intent:
        reconciler = ChannelReconciler(
            ledger or self.ledger, log="k1", environ=self.environ, wall=self.wall, trust=self.trust
        )
        with self.ledger.write() as tx:
            tx.intents.wake("channel", "flights.ops")
            held = tx.intents.claim(["channel"], owner="test", lease_s=60)
        reconciler.reconcile(held)
        with self.ledger.read() as tx:
            return tx.intents.get("channel", "flights.ops")


@pytest.fixture
def teller(sqlite_ledger: Ledger) -> Teller:
    return Teller(sqlite_ledger)


def mail(post: Post, **fields: Any) -> Email:
    given = {
        "to": ["ops@example.org"],
        "sender": "towpath@example.org",
        "server": f"{post.scheme}://127.0.0.1:{post.port}",  # type: ignore[attr-defined]
        "user": "${SMTP_USER}",
        "password": "${SMTP_PASSWORD}",
    }
    return Email("ops", **{**given, **fields})


def test_an_alert_is_an_encrypted_mail_that_says_what_it_cost(teller: Teller, post: Post):
    teller.trust = post.trust
    teller.declare(mail(post, pages="https://towpath.example.org/"))
    teller.alert("one", severity="critical")
    row = teller.tell()
    assert (row.phase, row.status["sent"]) == ("telling", 1)
    (envelope,) = post.mails
    text = envelope.content.decode()
    body = _body(envelope.content)
    assert envelope.rcpt_tos == ["ops@example.org"]
    assert "Subject: Towpath [critical] board.drift: raised" in text
    for said in ("wind moved in one", "wind: median 1 → 2.5", "1234", "12.00 EUR"):
        assert said in body
    assert "https://towpath.example.org/alerts/one" in body
    assert set(post.users) == {b"towpath"}
    teller.tell()
    assert len(post.mails) == 1


def _body(content: bytes) -> str:
    return email.message_from_bytes(content, policy=email.policy.default).get_content()


def test_a_certificate_that_nobody_vouches_for_is_told_nothing(teller: Teller, post: Post):
    teller.declare(mail(post))
    teller.alert("one")
    row = teller.tell()
    assert row.phase == "failing"
    assert "SSLCertVerificationError" in row.status["error"]
    assert post.users == []


def test_a_wrong_password_and_a_full_mailbox_are_tried_again_under_the_same_id(
    teller: Teller, post: Post
):
    teller.trust = post.trust
    teller.environ["SMTP_PASSWORD"] = "wrong"
    teller.declare(mail(post))
    teller.alert("one")
    row = teller.tell()
    assert row.status["error"].startswith("127.0.0.1 refused an e-mail")
    assert "wrong" not in str(row.status)
    teller.environ["SMTP_PASSWORD"] = "open sesame"
    post.answers = ["452 full"]
    assert teller.tell().status["failures"] == 2
    row = teller.tell()
    assert (row.status["failures"], row.status["error"]) == (0, None)
    assert len(post.mails) == 1


def test_a_server_without_encryption_is_left(teller: Teller):
    plain = Controller(Post(0, ssl.create_default_context()), hostname="127.0.0.1", port=_free())
    plain.start()
    channel = Email("ops", to=["a@b.c"], sender="t@b.c", server=f"smtp://127.0.0.1:{plain.port}")
    teller.declare(channel)
    teller.alert("one")
    row = teller.tell()
    plain.stop()
    assert "SMTPNotSupportedError" in row.status["error"]


def _free() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_name_that_leads_into_the_private_network_is_not_greeted(
    teller: Teller, monkeypatch: pytest.MonkeyPatch
):
    real, port = socket.create_connection, _free()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", port))
        listening.listen()
        monkeypatch.setattr(
            socket, "create_connection", lambda _to, *_, **__: real(("127.0.0.1", port))
        )
        teller.declare(
            Email("ops", to=["a@b.c"], sender="t@b.c", server="smtps://mail.example.org")
        )
        teller.alert("one")
        assert "inside a private network" in teller.tell().status["error"]


def test_a_chat_gets_blocks_and_plain_text(teller: Teller, chat: Chat):
    teller.environ["SLACK"] = chat.url
    teller.declare(Slack("ops", url="${SLACK}", pages="https://t.example.org"))
    teller.alert("one")
    teller.tell()
    (said,) = chat.got
    assert "wind moved in one" in said["text"]
    assert [one["type"] for one in said["blocks"]] == ["header", "section", "context"]
    assert "*Cost:* 12.00 EUR" in said["blocks"][1]["text"]["text"]


def test_nobody_can_be_called_by_the_name_of_a_feature():
    lines = (("What", "<!channel> & <@U1> moved"),)
    said = chat_message(Message(id="1", severity="warning", title="t", lines=lines))
    assert "<!channel>" not in json.dumps(said)
    assert "&lt;!channel&gt; &amp;" in said["text"]


def test_a_storm_is_one_message_now_and_one_digest_later(teller: Teller, chat: Chat):
    teller.environ["SLACK"] = chat.url
    teller.declare(Slack("ops", url="${SLACK}", every="5m"))
    teller.alert("first")
    teller.tell()
    for number in range(30):
        teller.alert(f"n{number}", severity="critical" if number == 20 else "warning")
        teller.tell()
    assert len(chat.got) == 1
    teller.wall.advance(timedelta(minutes=6))
    row = teller.tell()
    assert len(chat.got) == 2
    assert "30 alerts and other news" in chat.got[1]["text"]
    assert "[critical]" in chat.got[1]["blocks"][0]["text"]["text"]
    assert (row.status["sent"], row.status["told"]) == (2, 31)


def test_a_worker_that_dies_before_it_could_note_a_mail_sends_it_again_under_the_same_id(
    teller: Teller, post: Post
):
    class Dying:
        def __getattr__(self, name: str) -> Any:
            if name == "write":
                raise KeyboardInterrupt
            return getattr(teller.ledger, name)

    teller.trust = post.trust
    teller.declare(mail(post))
    teller.alert("one")
    with pytest.raises(KeyboardInterrupt):
        teller.tell(Dying())
    with teller.ledger.write() as tx:
        tx.intents.release("test")
    teller.tell()
    first, second = (
        email.message_from_bytes(one.content, policy=email.policy.default) for one in post.mails
    )
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_content() == second.get_content()


def test_only_what_is_severe_enough_and_of_the_project_is_told(teller: Teller, chat: Chat):
    teller.environ["SLACK"] = chat.url
    teller.declare(Slack("ops", url="${SLACK}", severity="critical"))
    teller.alert("small")
    teller.alert("theirs", severity="critical", project="other")
    teller.tell()
    assert chat.got == []
    teller.alert("large", severity="critical")
    teller.tell()
    assert "in large" in chat.got[0]["text"]


def test_an_alert_is_escalated_only_while_nobody_sees_to_it(teller: Teller, chat: Chat):
    teller.environ["SLACK"] = chat.url
    teller.declare(Slack("ops", url="${SLACK}", after="1h", events=["alert.raised"]))
    teller.alert("seen")
    teller.alert("unseen")
    teller.tell()
    assert chat.got == []
    with teller.ledger.write() as tx:
        tx.intents.report("alert", "seen", status={}, phase="acknowledged")
    teller.wall.advance(timedelta(hours=2))
    teller.tell()
    (said,) = chat.got
    assert "in unseen" in said["text"]


def test_a_chat_that_is_gone_is_a_failure_that_says_so(teller: Teller, chat: Chat):
    teller.environ["SLACK"] = chat.url
    chat.answers = [404]
    teller.declare(Slack("ops", url="${SLACK}"))
    teller.alert("one")
    row = teller.tell()
    assert (row.phase, row.status["error"]) == (
        "failing",
        "the chat refused a message with status 404",
    )
    assert teller.tell().status["failures"] == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"server": "http://mail.example.org"},
        {"server": "smtp://me:secret@mail.example.org"},
        {"password": "spelled out"},
        {"user": None},
        {"to": []},
        {"to": "ops@example.org"},
        {"to": ["nobody\nBcc: all@example.org"]},
        {"severity": "fatal"},
        {"events": ["decision.read"]},
    ],
)
def test_mail_that_would_give_something_away_or_goes_nowhere_is_refused(fields: dict[str, Any]):
    given = {
        "to": ["ops@example.org"],
        "sender": "t@example.org",
        "server": "smtp://mail.example.org:587",
        "user": "${U}",
        "password": "${P}",
    }
    with pytest.raises(InvalidProject):
        Email("ops", **{**given, **fields})


def test_the_address_of_a_chat_is_a_credential():
    with pytest.raises(InvalidProject, match="credential"):
        Slack("ops", url="https://hooks.example.org/services/T/B/x")
