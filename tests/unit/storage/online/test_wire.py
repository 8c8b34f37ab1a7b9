"""Look-ups of a Redis that goes away, takes too long, is asked in between, or speaks TLS."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import struct
import threading
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from towpath.core.errors import Conflict, InfrastructureError, Unavailable
from towpath.storage.online import open_online

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from redis_process import RedisProcess

    from towpath.storage.online import LoopReads, OnlineStore

pytestmark = pytest.mark.redis
STAMP = struct.pack(">QQ", 5, 0)
ONE = [("weather", [b"one"])]
TWO = [("weather", [b"two", b"missing"])]


def publish(store: OnlineStore, **texts: str) -> None:
    with store.begin("weather") as draft:
        draft.write([(key.encode(), STAMP + text.encode()) for key, text in texts.items()])
        draft.publish(b"body")


def values(store: OnlineStore, wanted: Any) -> list[bytes | None]:
    (found,) = store.read(wanted)
    return [None if one is None else one[16:] for one in found.values]


def in_loop(store: OnlineStore, act: Callable[[LoopReads], Awaitable[None]]) -> None:
    async def main() -> None:
        async with aclosing(store.in_loop()) as reads:
            await act(reads)

    asyncio.run(main())


@pytest.fixture
def impatient(port: int, server: RedisProcess) -> Any:
    """A store that waits for a fifth of a second, and its server."""
    server.start()
    store = open_online(f"redis://127.0.0.1:{port}/0?socket_timeout=0.2")
    publish(store, one="1", two="2")
    yield store
    store.close()


def test_threads_that_ask_together_get_each_its_own(store: OnlineStore, server: RedisProcess):
    server.start()
    publish(store, **{f"k{at}": str(at) for at in range(64)})
    wrong: list[int] = []

    def ask(at: int) -> None:
        wanted = [("weather", [b"k%d" % at])] * 3
        for _ in range(200):
            if [one.values for one in store.read(wanted)] != [[STAMP + b"%d" % at]] * 3:
                wrong.append(at)

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_answers_larger_than_any_buffer_are_read(store: OnlineStore, server: RedisProcess):
    server.start()
    publish(store, one="x" * 300_000, two="y" * 200_000)
    assert values(store, ONE) == [b"x" * 300_000]

    async def act(reads: LoopReads) -> None:
        found = await asyncio.gather(*(reads.read(TWO) for _ in range(5)), reads.read(ONE))
        assert [one[0].values for one in found[:-1]] == [[STAMP + b"y" * 200_000, None]] * 5
        assert found[-1][0].values == [STAMP + b"x" * 300_000]

    in_loop(store, act)


def test_a_server_that_hangs_is_given_up_and_read_again_later(
    impatient: OnlineStore, server: RedisProcess
):
    assert values(impatient, ONE) == [b"1"]
    server.hold()
    with pytest.raises(Unavailable, match="does not answer"):
        impatient.read(ONE)
    server.go_on()
    assert values(impatient, TWO) == [b"2", None]


def test_a_loop_goes_on_while_a_server_hangs(impatient: OnlineStore, server: RedisProcess):
    async def act(reads: LoopReads) -> None:
        await reads.read(ONE)
        server.hold()
        waiting = [asyncio.create_task(reads.read(ONE)) for _ in range(3)]
        turns = 0
        while not all(one.done() for one in waiting):
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 1
        for one in waiting:
            with pytest.raises(Unavailable, match="does not answer"):
                await one
        server.go_on()
        (found,) = await reads.read(TWO)
        assert found.values == [STAMP + b"2", None]

    in_loop(impatient, act)


def test_a_read_that_was_interrupted_leaves_no_answer_to_the_next(
    store: OnlineStore, server: RedisProcess
):
    server.start()
    publish(store, one="1", two="2")
    assert values(store, ONE) == [b"1"]

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        server.hold()
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            store.read(ONE)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    server.go_on()
    assert values(store, TWO) == [b"2", None]


def test_connections_that_were_lost_do_not_count(port: int, server: RedisProcess):
    server.start()
    store = open_online(f"redis://127.0.0.1:{port}/0?max_connections=3")
    with contextlib.closing(store), redis.Redis(port=port) as admin:
        publish(store, one="1")
        for _ in range(5):
            assert values(store, ONE) == [b"1"]
            admin.client_kill_filter(_type="normal", skipme=True)


def test_a_draft_whose_server_goes_away_says_so_and_leaves_the_old_rows(
    store: OnlineStore, server: RedisProcess
):
    server.start()
    publish(store, one="1")
    many = [(b"k%07d" % at, STAMP + bytes(1000)) for at in range(20_000)]
    with redis.Redis(port=server.port) as admin, store.begin("weather") as draft:
        admin.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(Unavailable):
            draft.write(many)
            draft.publish(b"body")
    assert values(store, ONE) == [b"1"]
    assert store.drafts() == []


def test_rows_of_a_draft_that_was_overtaken_are_nowhere(store: OnlineStore, server: RedisProcess):
    server.start()
    early = store.begin("weather")
    publish(store, one="1")
    with pytest.raises(Conflict):
        early.write([(b"late", STAMP)])
    assert {key for _, (key, _) in store.walk() if key} == {b"one"}
    early.discard()


def test_a_forked_process_asks_over_connections_of_its_own(
    store: OnlineStore, server: RedisProcess
):
    server.start()
    publish(store, one="1", two="2")
    assert values(store, ONE) == [b"1"]
    child = os.fork()
    if not child:
        right = all(values(store, TWO) == [b"2", None] for _ in range(200))
        os._exit(0 if right else 1)
    assert all(values(store, ONE) == [b"1"] for _ in range(200))
    assert os.waitpid(child, 0)[1] == 0
    assert values(store, ONE) == [b"1"]


def test_a_loop_reads_on_when_the_server_was_started_again(
    store: OnlineStore, server: RedisProcess
):
    server.start()
    publish(store, one="1")

    async def act(reads: LoopReads) -> None:
        assert (await reads.read(ONE))[0].values == [STAMP + b"1"]
        server.kill()
        with pytest.raises(Unavailable):
            await reads.read(ONE)
        server.start()
        publish(store, one="again")
        found = await asyncio.gather(*(reads.read(ONE) for _ in range(5)))
        assert [one[0].values for one in found] == [[STAMP + b"again"]] * 5

    in_loop(store, act)


def test_a_loop_tells_who_asked_for_what_is_refused(store: OnlineStore, server: RedisProcess):
    server.start()
    publish(store, one="1")
    with redis.Redis(port=server.port) as client:
        client.set("towpath:{broken}:rows", "no hash")

    async def act(reads: LoopReads) -> None:
        wrong = reads.read([*ONE, ("broken", [b"a"]), *ONE])
        found = await asyncio.gather(
            reads.read(ONE), wrong, reads.read(ONE), return_exceptions=True
        )
        assert isinstance(found[1], InfrastructureError)
        assert "WRONGTYPE" in found[1].message
        for one in (found[0], found[2]):
            assert isinstance(one, list)
            assert one[0].values == [STAMP + b"1"]

    in_loop(store, act)


def test_tls_and_passwords_are_spoken(port: int, server: RedisProcess, tmp_path: Path):
    certificate, key = certify(tmp_path)
    options = f"--port 0 --tls-port {port} --requirepass secret --tls-auth-clients no".split()
    files = [
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-ca-cert-file",
        certificate,
    ]
    server.command += [*options, *files]
    server.start()
    store = open_online(f"rediss://:secret@localhost:{port}/3?ssl_ca_certs={certificate}")
    publish(store, one="1" * 100_000, two="2")
    for _ in range(3):
        assert values(store, ONE) == [b"1" * 100_000]
        assert values(store, TWO) == [b"2", None]

    async def act(reads: LoopReads) -> None:
        found = await asyncio.gather(*(reads.read(ONE) for _ in range(5)))
        assert [one[0].values for one in found] == [[STAMP + b"1" * 100_000]] * 5

    in_loop(store, act)
    store.close()
    wrong = open_online(f"rediss://:other@localhost:{port}/3?ssl_ca_certs={certificate}")
    with pytest.raises(Unavailable):
        wrong.read(ONE)
    wrong.close()


def certify(folder: Path) -> tuple[str, str]:
    """Return the paths of a certificate for localhost, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    where = folder / "certificate.pem", folder / "key.pem"
    where[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    where[1].write_bytes(pem)
    return str(where[0]), str(where[1])
