"""A newcomer's first project: the guide's own commands, run one by one on the installed program."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

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


# -- what goes wrong, and how it is told -------------------------------------------------------------


@pytest.fixture(scope="module")
def mine(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its data added and nothing trained, shared by the tests below."""
    folder = tmp_path_factory.mktemp("wrong")
    assert run("init", "mine", cwd=folder).returncode == 0
    project = folder / "mine"
    added = run("dataset", "add", "measurements", "data/measurements.csv", cwd=project)
    assert added.returncode == 0, added.stderr
    assert run("apply", "--dry-run", cwd=project).returncode == 0  # keeps the code, as `run` does
    return project


@pytest.fixture
def refused(run: Any, mine: Path) -> Callable[..., str]:
    """Run a command that must fail, leave everything as it was, and say why on one line."""

    def check(*words: object, exit_code: int) -> str:
        before = kept(mine)
        done = run(*words, cwd=mine)
        assert done.returncode == exit_code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        assert kept(mine) == before, "something was half-written"
        return done.stderr.strip().splitlines()[-1]

    return check


def kept(project: Path) -> tuple[object, ...]:
    """Return what a home holds: its blobs, and how long its log is."""
    home = project / ".towpath"
    blobs = sorted(path.name for path in (home / "blobs").rglob("*") if path.is_file())
    with closing(sqlite3.connect(home / "towpath.db")) as database:
        counts = [
            database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("events", "versions", "runs")
        ]
    return (*blobs, *counts)


def spoilt(project: Path, change: Callable[[list[list[str]]], object]) -> Path:
    """Return a CSV file of five new rows, header first, that `change` was let loose on."""
    with (project / "data" / "measurements.csv").open(newline="") as file:
        header, *rows = list(csv.reader(file))[:6]
    table = [header, *([f"new{row[0]}", *row[1:]] for row in rows)]
    change(table)
    target = project / "data" / "spoilt.csv"
    with target.open("w", newline="") as file:
        csv.writer(file).writerows(table)
    return target.relative_to(project)


def put(row: int, column: int, value: str) -> Callable[[list[list[str]]], object]:
    return lambda table: table[row].__setitem__(column, value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(0, 3, "mean_radios"), ["no column 'mean_radios'", "'mean_radius'?"]),
        (put(2, 3, "wide"), ["'mean_radius'", "not a number", "row 1 (line 3)"]),
        (put(2, 3, "NaN"), ["'mean_radius'", "is missing", "row 1"]),
        (lambda table: [row.pop(3) for row in table], ["lack column 'mean_radius'"]),
        (lambda table: table.clear(), ["spoilt.csv"]),
    ],
    ids=["unknown", "text", "nan", "missing", "empty"],
)
def test_rows_that_do_not_fit_are_named(
    mine: Path, refused: Callable[..., str], change: Any, said: list[str]
):
    file = spoilt(mine, change)
    told = refused("dataset", "add", "measurements", file, exit_code=1)
    assert told.startswith("schema-violation")
    for words in said:
        assert words in told


@pytest.mark.parametrize(
    ("line", "exit_code", "said"),
    [
        ("frobnicate", 2, 'Unknown command "frobnicate"'),
        ("run trian", 1, "Did you mean 'train'?"),
        ("run train --param holdout=soon", 2, "soon"),
        ("dataset add measurments data/measurements.csv", 1, "Did you mean 'measurements'?"),
        ("dataset add measurements data/measurements.csv --expected 7", 5, "not 7"),
        ("model show tumor@1", 1, "no model 'tumor'"),
        ("erase patient=p0001", 2, "--yes"),
        ("runs --database postgresql+psycopg://127.0.0.1:1/nowhere", 5, "127.0.0.1:1"),
    ],
)
def test_a_command_that_can_not_be_meant_says_so(
    refused: Callable[..., str], line: str, exit_code: int, said: str
):
    assert said in refused(*line.split(), exit_code=exit_code)


def test_a_setting_that_is_none_is_corrected(mine: Path, run: Any):
    settings = mine / "towpath.toml"
    before = settings.read_text()
    settings.write_text(before + 'databse = "sqlite:///x.db"\n')
    done = run("runs", cwd=mine)
    settings.write_text(before)
    assert done.returncode == 2
    assert "towpath.toml sets 'databse'" in done.stderr
    assert "Did you mean 'database'?" in done.stderr


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("def train(:\n", "SyntaxError"),
        ("rate = 1 / 0\n", "ZeroDivisionError"),
        ("import nothing_of_that_name\n", "nothing_of_that_name"),
        ('bad = tp.Dataset("x", schema=Measurement, key="nope")\n', "its key column 'nope'"),
    ],
    ids=["syntax", "exception", "import", "declaration"],
)
def test_an_error_in_the_project_is_told_with_its_line(
    mine: Path, refused: Callable[..., str], broken: str, said: str
):
    code = mine / "mine.py"
    before = code.read_text()
    code.write_text(before + broken)
    line = len(before.splitlines()) + 1
    try:
        told = refused("run", "train", exit_code=2)
    finally:
        code.write_text(before)
    assert f"mine.py:{line}" in told
    assert said in told


def test_a_byte_that_changed_is_noticed_and_named(mine: Path, run: Any):
    shown = json.loads(run("dataset", "show", "measurements@1", "--json", cwd=mine).stdout)
    blobs = mine / ".towpath" / "blobs" / "sha256"
    manifest = shown["version"]["body"]["manifest"]
    digest = json.loads((blobs / manifest[:2] / manifest).read_bytes())["files"][0]["digest"]
    file = blobs / digest[:2] / digest
    whole = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])
    done = run("dataset", "show", "measurements@1", cwd=mine)
    file.write_bytes(whole)
    assert done.returncode == 1
    assert done.stderr.startswith("corrupt-blob")
    assert digest in done.stderr
    assert run("dataset", "show", "measurements@1", cwd=mine).returncode == 0
