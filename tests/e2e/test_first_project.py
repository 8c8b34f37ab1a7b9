"""A newcomer's first project: the guide's own commands, run one by one on the installed program."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("first-project"),
]

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "first-project.md"
WITHIN_S = 240.0
GATE_REFUSED = 3


def commands() -> list[str]:
    """Return every command of the guide, in order."""
    blocks = re.findall(r"^```console\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WITHIN_S
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
    return found


class Reader:
    """Somebody who follows the guide: types each command where the last `cd` led."""

    def __init__(self, program: Path, start: Path) -> None:
        self.program = program
        self.place = start
        self.known: dict[str, str] = {}
        self.up: subprocess.Popen[bytes] | None = None

    def type(self, line: str) -> str:
        """Run one line of the guide and return what it printed."""
        text, _, remark = line.partition("#")
        for name, value in self.known.items():
            text = text.replace(name, value)
        words = shlex.split(text)
        match words:
            case ["cd", folder]:
                self.place /= folder
                return ""
            case ["towpath", "up"]:
                self.start()
                return ""
            case ["curl", "-s", url, "-d", file]:
                return self.ask(url, self.place / file.removeprefix("@"))
            case ["towpath", *rest, ">", target]:
                printed = self.run(rest)
                (self.place / target).write_text(printed)
                return printed
            case ["towpath", *rest]:
                wanted = re.search(r"exit code (\d+)", remark)
                return self.run(rest, exit_code=int(wanted[1]) if wanted else 0)
            case _:
                pytest.fail(f"a reader can't type {line!r}")

    def run(self, words: list[str], *, exit_code: int = 0) -> str:
        done = subprocess.run(
            [str(self.program), *words],
            cwd=self.place,
            env=surroundings(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == exit_code, f"{words}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def start(self) -> None:
        """Run `towpath up` on free ports, in the background, as in a second terminal."""
        with (self.place / "up.log").open("wb") as log:
            self.up = subprocess.Popen(
                [str(self.program), "up", "--server-port", "0", "--gateway-port", "0"],
                cwd=self.place,
                env=surroundings(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        place = self.place / ".towpath" / "run" / "up.json"
        wait_for(place.exists)
        where = json.loads(place.read_text())
        self.known["http://127.0.0.1:8510"] = where["gateway"]
        self.known["http://127.0.0.1:8500"] = where["server"]

    def ask(self, url: str, body: Path) -> str:
        wait_for(lambda: answers(url.removesuffix("/infer")))
        return httpx.post(url, content=body.read_bytes(), timeout=WITHIN_S).text

    def stop(self) -> None:
        if self.up is not None and self.up.poll() is None:
            self.up.send_signal(signal.SIGTERM)
            self.up.wait(WITHIN_S)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def surroundings() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("TOWPATH_")}


@pytest.fixture
def reader(program: Path, tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(program, tmp_path)
    yield reader
    reader.stop()


def test_the_guide_works_as_it_is_written(reader: Reader):
    printed: dict[str, str] = {}
    for line in commands():
        printed[line] = said = reader.type(line)
        if line.startswith("curl"):
            answer = json.loads(said)
            assert 0 < answer["outputs"][0]["data"][0] < 1
            reader.known["DECISION_ID"] = answer["parameters"]["decision_id"]
        if line == "towpath erasure list":
            reader.known["ERASURE_ID"] = re.findall(r"[0-9a-f]{32}", said)[0]
    _the_cache_is_used(reader)
    trace = printed["towpath trace DECISION_ID"]
    for part in ("release:production@1", "model:tumour@", "code:mine@1", "dataset:measurements@1"):
        assert part in trace
    assert "certified" in printed["towpath erase patient=p0007 --yes"]
    verified = printed["towpath audit verify certificate.json --public-key key.pem"]
    assert verified.startswith("valid")
    _the_patient_is_gone(reader)
    assert reader.up is not None
    assert reader.up.poll() is None


def _the_cache_is_used(reader: Reader) -> None:
    again = json.loads(reader.run(["run", "train", "--param", "strength=0.5", "--json"]))
    assert again["cached"] == again["steps"]


def _the_patient_is_gone(reader: Reader) -> None:
    shown = json.loads(reader.run(["dataset", "show", "measurements@1", "--json", "--rows", "600"]))
    assert len(shown["rows"]) == 567
    assert "p0007" not in {row["patient"] for row in shown["rows"]}
    gateway = reader.known["http://127.0.0.1:8510"]
    request = (reader.place / "data" / "request.json").read_bytes()
    refused = httpx.post(f"{gateway}/v2/models/mine/infer", content=request, timeout=60)
    assert refused.status_code == 451
    serving = httpx.get(f"{gateway}/v2/models/mine", timeout=60).json()["parameters"]["model"]
    states = {
        f"model:{one['ref']['name']}@{one['ref']['version']}": one["state"]
        for one in json.loads(reader.run(["model", "list", "tumour", "--json"]))
    }
    assert states.pop(serving) == "approved"
    assert set(states.values()) <= {"deleted", "rejected"}
