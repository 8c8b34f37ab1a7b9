"""`towpath gateway` with workers, under load over HTTP and gRPC, by callers who keep a journal of their own."""

from __future__ import annotations

import operator
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx

from towpath.gateway.rpc.messages import SERVICE, message
from towpath.operate.decisions import Compactor, SegmentDecisionLog

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE_S = 60.0
CLIENTS = 4
BROKEN = {"ReadError", "RemoteProtocolError", "WriteError", "ConnectError"}


def eventually(condition: Callable[[], object], what: str) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come about in {DEADLINE_S} s"
        time.sleep(0.02)
    return found


class Pool:
    """`towpath gateway --workers N` over a home, and what can be seen of it from outside."""

    def __init__(self, home: Path, workers: int, *, database: str | None, **settings: Any) -> None:
        self.workers = workers
        with (
            socket.create_server(("127.0.0.1", 0)) as free,
            socket.create_server(("127.0.0.1", 0)) as also_free,
        ):
            self.port, rpc_port = free.getsockname()[1], also_free.getsockname()[1]
        self.rpc = f"127.0.0.1:{rpc_port}"
        (home / "towpath.toml").write_text(f'home = "."\ngateway_port = {self.port}\n')
        command = [sys.executable, "-m", "towpath", "gateway", "--directory", str(home)]
        command += ["--workers", str(workers)]
        if database is not None:
            command += ["--database", database]
        if settings.pop("rpc", False):
            settings["gateway_grpc_port"] = rpc_port
        said = {f"TOWPATH_{name.upper()}": str(value) for name, value in settings.items()}
        self.log = home / "gateway.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env={**os.environ, "TOWPATH_LOG_LEVEL": "info", **said},
            )
        self.url = f"http://127.0.0.1:{self.port}"
        eventually(lambda: self.ready() == workers, "ready workers")

    def metrics(self) -> str:
        """Scrape whoever takes the connection."""
        try:
            return httpx.get(self.url + "/metrics", timeout=20).text
        except httpx.TransportError:
            return ""

    def ready(self) -> int:
        assert self.process.poll() is None, self.log.read_text()
        return len(re.findall(r"^towpath_gateway_ready\{.*\} 1$", self.metrics(), re.MULTILINE))

    def total(self, name: str) -> int:
        found = re.findall(
            rf"^towpath_gateway_{name}(?:\{{.*\}})? (\d+)$", self.metrics(), re.MULTILINE
        )
        return sum(int(one) for one in found)

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(DEADLINE_S)


class Caller(threading.Thread):
    """Asks one thing after the other over a kept-alive connection, until told to stop.

    What was answered it keeps in a journal; what failed, by how.
    """

    def __init__(self, bench: Any, url: str, name: str) -> None:
        super().__init__(name=name)
        self.answered: dict[str, str] = {}
        self.asked = 0
        self.failed: Counter[str] = Counter()
        self.stopping = threading.Event()
        self._bench, self._url = bench, url
        self.start()

    def run(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self.stopping.is_set():
                key = f"{self.name}-{self.asked}"
                self.asked += 1
                try:
                    answer = client.post(
                        self._url + "/v2/models/board/infer", json=self._bench.body(600.0, key=key)
                    )
                except httpx.TransportError as error:
                    self.failed[type(error).__name__] += 1
                    continue
                if answer.status_code == 200:
                    self.answered[key] = answer.json()["parameters"]["decision_id"]
                else:
                    self.failed[str(answer.status_code)] += 1


class RpcCaller(Caller):
    """The same over gRPC. While nobody listens it waits; a call that was sent is not sent again."""

    def run(self) -> None:
        options = [
            # A connection of its own, as other programs have.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 200),
        ]
        with grpc.insecure_channel(self._url, options) as channel:
            infer = channel.unary_unary(
                f"/{SERVICE}/ModelInfer",
                request_serializer=message("ModelInferRequest").SerializeToString,
                response_deserializer=message("ModelInferResponse").FromString,
            )
            while not self.stopping.is_set():
                key = f"{self.name}-{self.asked}"
                self.asked += 1
                try:
                    answer = infer(self._request(key), timeout=30, wait_for_ready=True)
                except grpc.RpcError as error:
                    self.failed[error.code().name] += 1
                    continue
                said = {one.key: one.value.string_param for one in answer.parameters}
                self.answered[key] = said["decision_id"]

    def _request(self, key: str) -> Any:
        inputs = [
            {
                "name": "distance",
                "datatype": "FP64",
                "shape": [1],
                "contents": {"fp64_contents": [600.0]},
            },
            {
                "name": "hour",
                "datatype": "INT64",
                "shape": [1],
                "contents": {"int64_contents": [7]},
            },
        ]
        said = [{"key": "key", "value": {"string_param": key}}]
        return message("ModelInferRequest")(model_name="board", inputs=inputs, parameters=said)


class Load:
    """Several callers; half of them over gRPC if there is an address for that."""

    def __init__(self, bench: Any, url: str, rpc: str | None = None) -> None:
        over_rpc = 0 if rpc is None else CLIENTS // 2
        self.callers = [
            Caller(bench, url, f"caller{number}") for number in range(CLIENTS - over_rpc)
        ]
        self.callers += [RpcCaller(bench, rpc, f"rpc{number}") for number in range(over_rpc)]

    def await_more(self, count: int) -> None:
        """Wait for so many more answers, and some for each caller."""
        wanted = len(self.journal) + count
        each = [len(caller.answered) + count // (4 * CLIENTS) for caller in self.callers]

        def came() -> bool:
            counts = [len(caller.answered) for caller in self.callers]
            return sum(counts) >= wanted and all(map(operator.ge, counts, each))

        eventually(came, f"{count} more answers")

    @property
    def journal(self) -> dict[str, str]:
        return {key: one for caller in self.callers for key, one in list(caller.answered.items())}

    @property
    def failed(self) -> Counter[str]:
        return sum((caller.failed for caller in self.callers), Counter())

    def stop(self) -> None:
        for caller in self.callers:
            caller.stopping.set()
        for caller in self.callers:
            caller.join(DEADLINE_S)


def check_journal(bench: Any, load: Load, ledger: Any = None) -> None:
    """What callers were told is in the log once; what else is there was asked, and failed on the way."""
    ledger = ledger or bench.ledger
    Compactor(ledger, bench.blobs, bench.path).compact()
    log = SegmentDecisionLog(ledger, bench.blobs, bench.path)
    recorded = log.scan("board", columns=["decision_id", "key"]).collect()
    assert recorded["decision_id"].n_unique() == recorded.height
    assert recorded["key"].n_unique() == recorded.height
    in_log = dict(zip(recorded["key"], recorded["decision_id"], strict=True))
    told = load.journal
    assert {key: in_log.get(key) for key in told} == told
    assert len(in_log) - len(told) <= sum(load.failed.values())
