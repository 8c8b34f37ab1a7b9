"""Adding a folder again after one file in a hundred changed, beside DVC and git-lfs.

Every contestant has a copy of the same folder and has added it once. Then, round by round, the same
files get the same new bytes everywhere, and each contestant adds its folder again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from benchmarks.harness import Cost, Result, interleave, measure, run_peer
from towpath.assets.datasets import ParquetDatasetStore
from towpath.assets.filesets import BlobFileSetStore, FileSet
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A folder to add."""

    files: int
    size_bytes: int


SIZES = {
    "100mb": Shape(files=100, size_bytes=1_000_000),
    "300mb": Shape(files=100, size_bytes=3_000_000),
    "1gb": Shape(files=100, size_bytes=10_000_000),
    "10k-small-files": Shape(files=10_000, size_bytes=10_000),
}
CHANGED = 100  # one file in so many
ROUNDS = 3
PHOTOS = FileSet("photos")
_SETTLE_S = 0.05
NOTES = """\
change: one file in a hundred gets other bytes of the same length; the others are not touched
first: the whole folder is new; again: one file in a hundred changed; nothing: no file changed
ours and DVC are timed inside their processes, opened and imported before; git-lfs is the `git add` command, \
which starts git-lfs only for what changed; "command" is ours as a command, start-up included
ours syncs every file, folder and database page to disk before it answers; DVC and git-lfs sync none
ours and DVC read again whatever was written in the clock tick in which it was added: everybody is given \
a twentieth of a second after the change
stored_bytes: by how much the stores grew with 1% changed\
""".splitlines()


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Add each folder once, and again after each change, with each contestant in turn."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, Any] = {}
    peers: dict[str, Any] = {}
    ratios: dict[str, float] = {}
    notes = list(NOTES)
    rivals = {"dvc": _Dvc, "git-lfs": _GitLfs} if _has_git_lfs() else {"dvc": _Dvc}
    if "git-lfs" not in rivals:
        notes.append("git-lfs is not installed here: not measured")
    for size in sizes:
        with _folder() as folder:
            us = _Ours(folder / "ours", SIZES[size])
            them = {name: kind(folder / name, SIZES[size]) for name, kind in rivals.items()}
            everybody = {"ours": us, **them}
            for name, one in everybody.items():
                cost = one.first()
                (ours if name == "ours" else peers)[_key(name, size, "first")] = cost
                if name != "ours":
                    ratios[f"{name}/{size}-first"] = cost.wall_s / ours[f"{size}-first"].wall_s
            for verb in ("again", "nothing"):
                found = interleave(
                    {name: one.rounds(verb) for name, one in everybody.items()}, ROUNDS
                )
                for name, cost in found.items():
                    (ours if name == "ours" else peers)[_key(name, size, verb)] = cost
                    if name != "ours":
                        ratios[f"{name}/{size}-{verb}"] = cost["wall_s"] / found["ours"]["wall_s"]
            ours[f"{size}-again"]["stored_bytes"] = us.stored_bytes
            ours[f"{size}-command"] = us.command()
    return Result(
        name="fileset-version",
        sizes=list(sizes),
        ours=ours,
        peers=peers,
        limit={},
        ratios=ratios,
        growth={
            verb: {size: _wall(ours[f"{size}-{verb}"]) for size in sizes}
            for verb in ("first", "again", "nothing")
        },
        notes=notes,
    )


class _Contestant:
    """A folder with files, and a way to add it."""

    def __init__(self, home: Path, shape: Shape) -> None:
        self.home = home
        self.data = home / "data"
        self._shape = shape
        self._round = 0
        for number in range(shape.files):
            path = self._path(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._content(number))

    def rounds(self, verb: str) -> Callable[[], Cost]:
        """Return one round: change what the verb says, let it settle, add and measure."""

        def one() -> Cost:
            if verb == "again":
                self._round += 1
                for number in range(self._round % CHANGED, self._shape.files, CHANGED):
                    self._path(number).write_bytes(self._content(number))
            time.sleep(_SETTLE_S)
            return self.again()

        return one

    def first(self) -> Cost:
        raise NotImplementedError

    def again(self) -> Cost:
        raise NotImplementedError

    def _path(self, number: int) -> Path:
        return self.data / f"{number // 1000:02}" / f"{number:05}.bin"

    def _content(self, number: int) -> bytes:
        """Return bytes that are the same for everybody, and never twice the same."""
        seed = f"{number}.{self._round}.".encode()
        return (seed + _noise())[: self._shape.size_bytes]


class _Ours(_Contestant):
    stored_bytes = 0

    def first(self) -> Cost:
        home = self.home / "towpath"
        home.mkdir()
        database = open_database(f"sqlite:///{home}/towpath.db")
        database.migrate()
        keyring = FileKeyring(home / "keys")
        ledger, blobs = open_ledger(database, keyring), open_blobs(f"file://{home}/blobs")
        datasets = ParquetDatasetStore(ledger, blobs, keyring)
        self._store = BlobFileSetStore(ledger, blobs, keyring, datasets, home / "cache" / "files")
        return self.again()

    def again(self) -> Cost:
        blobs = self.home / "towpath" / "blobs"
        held = _bytes_in(blobs)
        cost = measure(lambda: self._store.add(PHOTOS, self.data, project="bench"))
        self.stored_bytes = _bytes_in(blobs) - held or self.stored_bytes
        return cost

    def command(self) -> Cost:
        """Measure the command, Python's start included."""
        (self.home / "towpath.toml").write_text('project = "bench:project"\nhome = "towpath"\n')
        (self.home / "bench.py").write_text(
            "import towpath as tp\n"
            "project = tp.Project('bench', owner='b', filesets=[tp.FileSet('photos')])\n"
        )
        command = [sys.executable, "-m", "towpath", "files", "add", "photos", "data"]
        self.rounds("again")()
        return measure(
            lambda: subprocess.run(command, cwd=self.home, check=True, capture_output=True)
        )


class _Dvc(_Contestant):
    def first(self) -> Cost:
        return self._run("setup")

    def again(self) -> Cost:
        return self._run("add")

    def _run(self, verb: str) -> Cost:
        found = run_peer("dvc_add_folder.py", ["dvc"], verb, str(self.home))
        return Cost(wall_s=found["wall_s"], cpu_s=found["cpu_s"])


class _GitLfs(_Contestant):
    def first(self) -> Cost:
        for command in (
            ["init", "-q"],
            ["lfs", "install", "--local"],
            ["lfs", "track", "*.bin"],
        ):
            self._git(*command)
        return self.again()

    def again(self) -> Cost:
        return measure(lambda: self._git("add", "data"))

    def _git(self, *words: str) -> None:
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", *words], cwd=self.home, check=True, capture_output=True, env=environ)


_NOISE: list[bytes] = []


def _noise() -> bytes:
    if not _NOISE:
        _NOISE.append(os.urandom(max(shape.size_bytes for shape in SIZES.values())))
    return _NOISE[0]


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _has_git_lfs() -> bool:
    return shutil.which("git-lfs") is not None


def _key(name: str, size: str, verb: str) -> str:
    return f"{size}-{verb}" if name == "ours" else f"{name}/{size}-{verb}"


def _wall(cost: Any) -> float:
    return cost.wall_s if isinstance(cost, Cost) else cost["wall_s"]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="towpath-files-") as folder:
        yield Path(folder)
