"""A model server under test: when it answers, the requests that it understands, and what a load did to it."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from benchmarks.load import drive, post, rss_mb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COLUMNS = 30
CONNECTIONS = (1, 8, 64)
SECONDS = 2.0
WARM_UP_S = 0.5
DISTINCT = 256
START_WITHIN_S = 120.0
JSON = {"Content-Type": "application/json"}
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


class Server:
    """A server process that answers.

    Args:
        process: It, just started.
        port: Where it listens.
        path: Where it takes rows.
        ready: What answers once it does.
        form: How rows lie in its JSON; see `Peer`.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        port: int,
        path: str,
        ready: str,
        *,
        form: str = "tensor",
    ) -> None:
        begun = time.perf_counter()
        self.process = process
        self.port = port
        self._path = path
        self._form = form
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}{ready}", timeout=1).is_success:
                    break
            if process.poll() is not None or time.perf_counter() - begun > START_WITHIN_S:
                raise RuntimeError("does not answer")
            time.sleep(0.02)
        self.found: dict[str, Any] = {"start_s": round(time.perf_counter() - begun, 2)}

    def check(self, row: list[float], expected: float) -> None:
        """Ask about one row, and hold the answer to what the model itself says.

        Raises:
            RuntimeError: It answers otherwise.
        """
        body = _body(self._form, 1, row)
        url = f"http://127.0.0.1:{self.port}{self._path}"
        answer = httpx.post(url, content=body, headers=JSON, timeout=START_WITHIN_S)
        numbers = [float(one) for one in _NUMBER.findall(answer.text)]
        if answer.is_error or not any(abs(one - expected) < 1e-9 for one in numbers):
            raise RuntimeError(f"answers otherwise ({answer.status_code}): {answer.text[:200]}")

    def load(
        self,
        size: str,
        rows: int,
        *,
        binary: bool = False,
        among: Sequence[int] = CONNECTIONS,
    ) -> None:
        """Load it with requests of so many rows, and keep in `found` what was better than before."""
        requests = self._requests(rows, binary=binary)
        for connections in among:
            label = f"{size}{'-binary' if binary else ''}-c{connections}"
            asked = {"pid": self.process.pid, "connections": connections}
            with suppress(RuntimeError):  # a peer's first answer may take longer than that
                drive(self.port, requests, **asked, seconds=WARM_UP_S)
            load = asdict(drive(self.port, requests, **asked, seconds=SECONDS))
            if load["failed"]:
                raise RuntimeError(f"{load['failed']} requests of {label} failed")
            before = self.found.get(label)
            if before is None or load["requests_per_s"] > before["requests_per_s"]:
                self.found[label] = load
            self.found["rss_mb"] = round(rss_mb(self.process.pid), 1)

    def _requests(self, rows: int, *, binary: bool) -> list[bytes]:
        dice = random.Random(7)
        made = []
        for _ in range(DISTINCT):
            values = [round(dice.gauss(0, 1), 6) for _ in range(rows * COLUMNS)]
            made.append(
                _binary(self._path, rows, values)
                if binary
                else _json(self._path, self._form, rows, values)
            )
        return made


@contextmanager
def running(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, and end it with all of its processes."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _json(path: str, form: str, rows: int, values: list[float]) -> bytes:
    headers = [f"{name}: {value}" for name, value in JSON.items()]
    return post(path, _body(form, rows, values), headers=headers)


def _body(form: str, rows: int, values: list[float]) -> bytes:
    if form == "tensor":
        tensor = {"name": "rows", "shape": [rows, COLUMNS], "datatype": "FP64", "data": values}
        document: dict[str, Any] = {"inputs": [tensor]}
    else:
        cuts = range(0, len(values), COLUMNS)
        document = {form: [values[at : at + COLUMNS] for at in cuts]}
    return json.dumps(document, separators=(",", ":")).encode()


def _binary(path: str, rows: int, values: list[float]) -> bytes:
    raw = np.array(values, "<f8").tobytes()
    tensor = {
        "name": "rows",
        "shape": [rows, COLUMNS],
        "datatype": "FP64",
        "parameters": {"binary_data_size": len(raw)},
    }
    head = json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode()
    return post(path, head + raw, headers=[f"Inference-Header-Content-Length: {len(head)}"])
