"""Kill -9 at every step of an erasure, over a home that has the person everywhere; it carries on."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from clinic import LONGER, PEOPLE, SUBJECT, fill, residue

from towpath.app.home import open_home
from towpath.app.place import Place
from towpath.core.settings import Settings
from towpath.trace.erasure import verify_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from towpath.app.home import Home

WITHIN_S = 270.0
# Of some two hundred touches. That no single one matters is tried without processes, which is cheaper:
# tests/unit/trace/erasure/test_survival.py dies at each, and the stores' own tests at each of theirs.
EVERY = 6
WORKER = Path(__file__).with_name("mortal_worker.py")


def place(folder: Path) -> Place:
    return Place(root=folder, home=folder / "home", settings=Settings(erasure_quiet_s=0))


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Path]:
    """What brings a home back to when its person had withdrawn and nothing was done yet.

    At the same place each time: published tables name their files by their addresses.
    """
    folder, kept = tmp_path / "clinic", tmp_path / "kept"
    folder.mkdir()
    with open_home(place(folder)) as home:
        fill(home, folder, [one for one in PEOPLE if one != LONGER])
        home.erasures.submit("person", SUBJECT)
    shutil.copytree(folder, kept)

    def bring_back() -> Path:
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        return folder

    return bring_back


class Workers:
    """Processes that work on a home's erasure until they are done, wait, or die at a touch."""

    def __init__(self) -> None:
        self.deaths: dict[str, int] = {}
        self._nursery = subprocess.Popen(
            [sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def live(self, folder: Path, touches: int) -> tuple[bool, str]:
        """Start one, and return whether it was killed and the phase that it left behind."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        print(json.dumps([str(folder), touches]), file=self._nursery.stdin, flush=True)
        status, phase = json.loads(self._nursery.stdout.readline())
        assert status in (0, -signal.SIGKILL)
        return status != 0, phase

    def close(self) -> None:
        assert self._nursery.stdin is not None
        self._nursery.stdin.close()
        self._nursery.wait(10)
        assert self._nursery.stdout is not None
        self._nursery.stdout.close()


@pytest.fixture
def workers() -> Iterator[Workers]:
    started = Workers()
    yield started
    started.close()


def test_killed_in_every_step_it_ends_as_if_nobody_had_been(
    workers: Workers, fresh: Callable[[], Path]
) -> None:
    folder = fresh()
    assert workers.live(folder, 1_000_000) == (False, "certified")
    spared = outcome(folder)

    folder, deadline = fresh(), time.monotonic() + WITHIN_S
    phase, touches = "suppressed", 1
    while phase != "certified":
        assert time.monotonic() < deadline, f"still {phase}: {workers.deaths}"
        # A little further than the last time, through the whole of each phase.
        killed, reached = workers.live(folder, touches)
        if killed:
            workers.deaths[phase] = workers.deaths.get(phase, 0) + 1
        touches = touches + EVERY if reached == phase else 1
        phase = reached
    assert set(workers.deaths) >= {"suppressed", "acknowledged", "redacted", "retired", "verified"}
    assert sum(workers.deaths.values()) > 20
    assert outcome(folder) == spared


def outcome(folder: Path) -> dict[str, Any]:
    """Return what is left of a home and what its certificate says, but for ids, times and digests."""
    with open_home(place(folder)) as home:
        assert residue(home) == {}
        (erasure,) = home.erasures.list()
        certificate = home.erasures.certificate(erasure.id)
        check = verify_certificate(certificate, home.keyring.public_key_pem)
        assert check.valid, check.problems
        return {"certificate": said(json.loads(certificate)), **kept(home)}


def kept(home: Home) -> dict[str, Any]:
    """Return every row that is left of others, wherever it lies.

    Files are not counted: who dies between signing a certificate and recording it leaves it behind, with
    nobody in it.
    """
    with home.ledger.read() as tx:
        names = [asset.name for asset in tx.versions.assets("dataset")]
        publications = tx.intents.list("dataset_publication")
    lines = [version for name in names for version in home.datasets.versions(name)]
    return {
        "rows": {
            f"{version.ref} revision {version.revision}": in_order(
                home.datasets.scan(version.ref).collect()
            )
            for version in lines
        },
        "online": sorted(row for table, row in home.online_rows.walk() if table),
        "published": [len(one.status.get("snapshots", ())) for one in publications],
    }


def in_order(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(rows.iter_rows(), key=repr)


def said(certificate: dict[str, Any]) -> dict[str, Any]:
    """Return what a certificate says, but for ids, times, and digests of what is made anew."""
    names = ("field", "subject", "riders", "datasets", "models", "copies", "out_of_reach")
    told = {name: certificate[name] for name in names}
    told["totals"] = certificate["totals"]
    told["phases"] = [step["phase"] for step in certificate["steps"]]
    told["residue"] = certificate["verification"]["residue"]
    return told
