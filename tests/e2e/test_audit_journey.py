"""An auditor's way through the installed program: anchors by the worker, a kill, proofs, a forger."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = Path(sys.executable).with_name("towpath")
DEADLINE_S = 90.0
SETTINGS = """
home = "home"
anchors = ["file:../elsewhere/anchors.jsonl", "git:../elsewhere/notary.git"]
anchor_every = "1s"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "towpath.toml").write_text(SETTINGS)
    (tmp_path / "elsewhere").mkdir()
    notary = tmp_path / "elsewhere" / "notary.git"
    subprocess.run(["git", "init", "-q", "--bare", str(notary)], check=True)
    return folder


@pytest.fixture
def towpath(shop: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: object, cwd: Path = shop) -> subprocess.CompletedProcess[str]:
        command = [str(PROGRAM), *map(str, words)]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def start(shop: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def worker() -> subprocess.Popen[bytes]:
        with (shop / "worker.log").open("ab") as log:
            started.append(subprocess.Popen([str(PROGRAM), "worker"], cwd=shop, stderr=log))
        return started[-1]

    yield worker
    for one in started:
        one.kill()
        one.wait()


def statements(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def in_git(repository: Path) -> list[dict[str, Any]]:
    words = ["git", "-C", str(repository), "show", "towpath-anchors:checkpoints.jsonl"]
    shown = subprocess.run(words, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in shown.stdout.splitlines()]


def wait_until(holds: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.05)


@pytest.mark.slow
def test_what_is_anchored_convicts_a_forger(
    shop: Path,
    towpath: Callable[..., subprocess.CompletedProcess[str]],
    start: Callable[[], subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    anchored, log = tmp_path / "elsewhere" / "anchors.jsonl", shop / "worker.log"
    notary = tmp_path / "elsewhere" / "notary.git"
    worker = start()
    wait_until(lambda: bool(statements(anchored)), log)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    # Something happens while no worker lives; the next one takes anchoring up.
    assert towpath("audit", "rotate-key", "--yes").returncode == 0
    before = len(statements(anchored))
    worker = start()
    wait_until(lambda: len(statements(anchored)) > before, log)
    wait_until(lambda: bool(in_git(notary)) and in_git(notary)[-1]["size"] > before, log)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    kept = statements(anchored)
    assert [one["size"] for one in kept] == sorted({one["size"] for one in kept})
    assert len({one["key_id"] for one in kept}) == 2
    done = towpath("audit", "verify")
    assert done.returncode == 0, done.stderr

    # An auditor elsewhere, with a proof and the key.
    apart = tmp_path / "apart"
    apart.mkdir()
    (apart / "key.pem").write_text(towpath("audit", "key").stdout)
    assert towpath("audit", "prove", 2, "--to", apart / "proof.json").returncode == 0
    checked = towpath("audit", "verify", "proof.json", "--offline", cwd=apart)
    if checked.returncode:  # the first statement that covers it may be the former key's
        (apart / "key.pem").write_text(towpath("audit", "key", "--all").stdout)
        checked = towpath("audit", "verify", "proof.json", "--offline", cwd=apart)
    assert checked.returncode == 0, checked.stderr
    assert not (apart / "home").exists()

    # A forger cuts the end off, and every trace in the database that there was one.
    size = kept[-1]["size"]
    with sqlite3.connect(shop / "home" / "towpath.db") as database:
        database.execute("DELETE FROM events WHERE seq >= ?", (kept[0]["size"],))
        database.execute("DELETE FROM checkpoints WHERE size > ?", (kept[0]["size"],))
        database.execute("UPDATE log_head SET size = ?", (kept[0]["size"],))
    done = towpath("audit", "verify", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)["findings"]
    tails = [one for one in found if one["trouble"] == "tail"]
    assert {one["said_by"].partition(":")[0] for one in tails} == {"file", "git"}
    assert max(one["until"] for one in tails) == size
    shutil.rmtree(tmp_path / "elsewhere")
