"""A gateway in a process of its own, killed under load or told to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from towpath.operate.decisions import Compactor

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).with_name("gateway_program.py")
CLIENTS = 4


class Process:
    """A gateway process and its address."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, str(PROGRAM), str(home)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().strip()}"
        with httpx.Client() as client:
            while True:
                try:
                    if client.get(self.url + "/v2/models/board/ready").status_code == 200:
                        return
                except httpx.TransportError:
                    assert self.process.poll() is None

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(20)
        finally:
            self.process.stdout.close()


@pytest.fixture
def start(bench: Any, tmp_path: Path) -> Iterator[Any]:
    started: list[Process] = []

    def start() -> Process:
        started.append(Process(tmp_path))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.end(signal.SIGKILL)


def load(bench: Any, url: str, keys: list[str], enough: threading.Event) -> list[str]:
    """Ask for each key until the gateway is gone; return the decisions that were answered."""
    answered: list[str] = []
    with httpx.Client(timeout=20) as client:
        for key in keys:
            try:
                body = bench.body(600.0, key=key)
                answer = client.post(url + "/v2/models/board/infer", json=body)
            except httpx.TransportError:
                break
            assert answer.status_code == 200
            answered.append(answer.json()["parameters"]["decision_id"])
            if len(answered) == 50:
                enough.set()
    return answered


def test_no_answered_decision_is_missing_or_doubled_after_kill(
    bench: Any, start: Any, tmp_path: Path
) -> None:
    bench.route(board=bench.service())
    wanted = [f"flight-{n}" for n in range(CLIENTS * 150)]
    answered: list[str] = []
    for last in (False, True):
        process = start()
        decided = set(bench.log.keys("board")["key"])
        left = [key for key in wanted if key not in decided]
        enough = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            work = [
                pool.submit(load, bench, process.url, left[n::CLIENTS], enough)
                for n in range(CLIENTS)
            ]
            if not last:
                assert enough.wait(60)
                assert process.end(signal.SIGKILL) == -signal.SIGKILL
            for future in work:
                answered += future.result()
        if last:
            assert process.end(signal.SIGTERM) == 0
        Compactor(bench.ledger, bench.blobs, bench.path).compact()

    recorded = bench.log.scan("board", columns=["decision_id", "key"]).collect()
    assert recorded["decision_id"].n_unique() == recorded.height
    assert set(answered) <= set(recorded["decision_id"])
    assert sorted(recorded["key"]) == sorted(wanted)
    assert bench.log.count("board") == len(wanted)


def test_sigterm_finishes_what_is_under_way_and_seals(bench: Any, start: Any) -> None:
    bench.route(board=bench.service())
    process = start()
    with httpx.Client(timeout=20) as client:
        answer = client.post(process.url + "/v2/models/board/infer", json=bench.body(*[1.0] * 300))
    assert answer.status_code == 200
    assert process.end(signal.SIGTERM) == 0
    assert {source.state for source in bench.log._directory.sources()} == {"sealed"}
    assert bench.log.count("board") == 300
