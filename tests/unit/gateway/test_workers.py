"""Several workers on one port, replaced and stopped under load; all of them real processes."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from loaded_gateway import check_journal, eventually


def test_a_rolling_restart_fails_no_request(bench: Any, pools: Any) -> None:
    bench.route(board=bench.service())
    pool, load = pools(2, gateway_in_flight=64)
    load.await_more(50)
    before = set(pool.children())
    pool.process.send_signal(signal.SIGHUP)
    eventually(lambda: not before & set(pool.children()), "workers that are all new")
    load.await_more(50)
    eventually(lambda: pool.ready() == 2, "two ready workers")
    load.stop()
    assert load.failed == Counter()
    assert pool.total("decisions_total") == len(load.journal)
    assert pool.end() == 0
    check_journal(bench, load)
    assert bench.log.count("board") == len(load.journal)
    with bench.ledger.read() as tx:
        assert tx.intents.list("gateway") == []  # all of them took their reports back


def test_a_replacement_that_does_not_get_ready_leaves_the_workers_that_are(
    bench: Any, pools: Any, tmp_path: Path
) -> None:
    bench.route(board=bench.service())
    pool, load = pools(2)
    load.await_more(20)
    before = set(pool.children())
    signing = tmp_path / "keys" / "signing.pem"
    kept = signing.read_bytes()
    signing.write_bytes(b"no key")
    pool.process.send_signal(signal.SIGHUP)
    eventually(lambda: "worker.unready" in pool.log.read_text(), "a replacement that fails")
    assert set(pool.children()) == before
    signing.write_bytes(kept)
    load.await_more(20)
    load.stop()
    assert load.failed == Counter()
    assert pool.end() == 0


def test_a_replacement_that_can_not_open_a_model_replaces_nobody(bench: Any, pools: Any) -> None:
    bench.route(board=bench.service())
    pool, load = pools(1, gateway_memory_soft_mb=1 << 20)
    load.await_more(20)
    (before,) = pool.children()
    forged = bench.service()
    forged["arms"][0] |= {"package": bench.packages[1]}
    bench.route(board=forged)
    eventually(lambda: pool.ready() == 0, "a worker that stays on the model before")
    pool.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(pool.children()) == 2, "a replacement")
    eventually(
        lambda: pool.log.read_text().count("route.broken") == 2, "a replacement without a model"
    )
    load.await_more(20)
    assert before in pool.children()
    mended = bench.route(board=bench.service(0.0, 1.0))
    eventually(lambda: before not in pool.children(), "a replacement that can")
    load.await_more(20)
    load.stop()
    assert load.failed == Counter()
    assert mended == 3
    assert pool.end() == 0


def test_a_worker_that_outgrows_the_soft_limit_is_replaced_without_a_failed_request(
    bench: Any, pools: Any
) -> None:
    bench.route(board=bench.service())
    pool, load = pools(1, gateway_memory_soft_mb=1)
    (before,) = pool.children()
    eventually(lambda: before not in pool.children(), "a replacement")
    load.await_more(20)
    load.stop()
    assert "worker.outgrown" in pool.log.read_text()
    assert load.failed == Counter()
    assert pool.end() == 0
    check_journal(bench, load)


def test_every_worker_confirms_a_withdrawal(bench: Any, pools: Any) -> None:
    bench.route(board=bench.service())
    pool, load = pools(2)
    load.stop()
    with bench.ledger.write() as tx:
        position = tx.withdrawals.add(bench.keyring.subject_hash("tailnum", "N1"))

    def confirmed() -> bool:
        with bench.ledger.read() as tx:
            said = [one.status["suppression_generation"] for one in tx.intents.list("gateway")]
        return said == [position] * 2

    eventually(confirmed, "two confirmations")
    for _ in range(8):  # a connection each: either worker may take it
        answer = httpx.post(
            pool.url + "/v2/models/board/infer", json=bench.body(600.0, subject="N1"), timeout=20
        )
        assert answer.status_code == 451
    assert pool.end() == 0


def test_connections_are_shared_out_and_answered_without_delay(bench: Any, pools: Any) -> None:
    bench.route(board=bench.service(durability="relaxed"))
    pool, load = pools(2)
    load.stop()
    body = msgspec.json.encode(bench.body(600.0))
    head = b"POST /v2/models/board/infer HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    opened = [socket.create_connection(("127.0.0.1", pool.port), 20) for _ in range(24)]
    try:
        for one in opened:
            one.sendall(head % len(body) + body)
        for one in opened:
            assert one.recv(1 << 16).startswith(b"HTTP/1.1 200")

        def shares() -> list[int]:
            found = re.findall(
                r"^towpath_gateway_connections\{.*\} (\d+)$", pool.metrics(), re.MULTILINE
            )
            return sorted(int(count) for count in found)

        # The scrape itself is a connection, and a worker that is slow to wake up leaves one to the other.
        found = eventually(lambda: sum(shares()) >= 24 and shares(), "a count of all")
        assert found[0] >= 8
    finally:
        for one in opened:
            one.close()
    assert pool.end() == 0


def test_a_setting_that_no_worker_can_serve_with_ends_the_gateway(
    bench: Any, tmp_path: Path
) -> None:
    bench.route(board=bench.service())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "towpath.toml").write_text(
            f'home = "."\ngateway_port = 0\ngateway_grpc_port = {port}\n'
        )
        command = [sys.executable, "-m", "towpath", "gateway", "-C", str(tmp_path)]
        ended = subprocess.run(
            [*command, "--workers", "2"], capture_output=True, text=True, timeout=60, check=False
        )
    assert ended.returncode == 2
    assert "gRPC can't be served" in ended.stderr


@pytest.mark.parametrize(("name", "least"), [("workers", 0), ("in_flight", 1)])
def test_a_bound_that_bounds_nothing_is_refused(tmp_path: Path, name: str, least: int) -> None:
    said = f"gateway_{name} = {least - 1}"
    (tmp_path / "towpath.toml").write_text(f'home = "."\ngateway_port = 0\n{said}\n')
    command = [sys.executable, "-m", "towpath", "gateway", "-C", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert f"gateway_{name} is {least - 1}" in ended.stderr
    assert "Traceback" not in ended.stderr
