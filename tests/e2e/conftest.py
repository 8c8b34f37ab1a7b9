"""The installed program, driven as a user would, one telling of the demo that tests share, a browser."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from missing import missing
from playwright.sync_api import Browser, Page, sync_playwright
from served import served

from towpath.demo.feed import Feed
from towpath.server.pages import STATIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seeded_home import SeededHome

PROGRAM = Path(sys.executable).with_name("towpath")
WITHIN_S = 600
Once = Callable[[str, Callable[[Path], Any]], Any]
HOMELESS = {name: value for name, value in os.environ.items() if not name.startswith("TOWPATH_")}


def towpath(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [str(PROGRAM), *map(str, words)],
        cwd=cwd,
        env=HOMELESS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a telling of the demo left behind.

    Attributes:
        copy: The home as it was then, for tests that read every file: another telling may be at work
            in the home itself.
    """

    home: str
    copy: str
    summary: dict[str, Any]

    def ask(self, *words: object) -> Any:
        """Run a command on the home and return the JSON that it prints."""
        done = towpath(*words, "--home", self.home, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def tell(home: Path) -> dict[str, Any]:
    done = towpath("demo", "--fast", "--json", "--keep", home)
    assert done.returncode == 0, done.stderr + said_by_server(home)
    (line,) = done.stdout.splitlines()
    copy = home.with_name(f"{home.name}-{secrets.token_hex(4)}")
    shutil.copytree(home, copy)
    return {"home": str(home), "copy": str(copy), "summary": json.loads(line)}


def said_by_server(home: Path) -> str:
    log = home / "run" / "up.log"
    return log.read_text()[-4000:] if log.exists() else ""


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """What makes something slow once for all workers of a test run, each in a folder of its name."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def once(name: str, make: Callable[[Path], Any]) -> Any:
        folder = root / f"once-{name}"
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            made = folder / "made.json"
            if not made.exists():
                made.write_text("null")  # what has failed once is not tried again
                made.write_text(json.dumps(make(folder)))
            found = json.loads(made.read_text())
        assert found is not None, f"making {name!r} has failed in another test"
        return found

    return once


@pytest.fixture(scope="session")
def told(once: Once) -> Told:
    """The demo, told once."""
    return Told(**once("demo", lambda folder: tell(folder / "home")))


@pytest.fixture(scope="session")
def retold(told: Told, once: Once) -> Told:
    """The same command on the same folder again."""
    return Told(**once("demo-again", lambda _: tell(Path(told.home))))


@pytest.fixture(scope="session")
def feed() -> Feed:
    """The year as the demo reads it: what its data sets are compared with."""
    return Feed.read()


@pytest.fixture(scope="session")
def withdrawn(told: Told, feed: Feed, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The aeroplane that withdrew: the one whose landings the first version of the flights lacks."""
    file = tmp_path_factory.mktemp("rows") / "flights.parquet"
    assert (
        towpath("dataset", "show", "flights@1", "--to", file, "--home", told.home).returncode == 0
    )
    kept = pl.read_parquet(file)
    landed = feed.flights.filter(pl.col("landed") <= kept["landed"].max())
    (tailnum,) = set(landed["tailnum"]) - set(kept["tailnum"])
    return tailnum


@pytest.fixture(scope="session")
def run() -> Any:
    """What runs the program."""
    return towpath


@pytest.fixture(scope="session")
def program() -> Path:
    """Where the program is installed."""
    return PROGRAM


# -- a real browser; each file of tests brings its own `home` ------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. Of one file: while it runs, nothing else in its thread can have an event loop."""
    if not (STATIC / "index.html").is_file():
        missing("the web UI is not built; install the project, or run hatch_build.py")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        if chromium is None and not Path(playwright.chromium.executable_path).exists():
            missing("there is no Chromium")
        launched = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def url(home: SeededHome) -> Iterator[str]:
    """Where a server shows the file's home."""
    with served(home.services) as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A page of a running server; what its console complains about fails the test."""
    complaints: list[str] = []
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 860})
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    yield opened
    context.close()
    assert complaints == []
