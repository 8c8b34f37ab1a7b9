"""What steps print, followed from elsewhere: while they run, to their end, and after they were killed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from towpath.build.compute import LocalExecutor
from towpath.build.pipelines.reading.logs import LogReader, _whole_characters, find_run
from towpath.build.pipelines.working.scratch import Scratch
from towpath.build.pipelines.working.shipping import LogShipper
from towpath.core.errors import NotFound
from towpath.ledger import open_ledger
from towpath.ledger.logs import KEPT_BYTES
from towpath.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

WITHIN_S = 60
TALKING = """
    import time
    from pathlib import Path
    import towpath as tp

    @tp.step
    def talk(folder: str) -> int:
        print("first: grüß dich", flush=True)
        while not (Path(folder) / "gate").exists():
            time.sleep(0.01)
        print("last", flush=True)
        return 1

    @tp.pipeline
    def train(folder: str):
        return talk(folder)
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


@pytest.fixture
def elsewhere(sqlite_url: str, disk_blobs: BlobStore, keyring: Any) -> Iterator[LogReader]:
    """A reader with connections of its own, as another machine's server would have."""
    database = open_database(sqlite_url)
    yield LogReader(open_ledger(database, keyring), disk_blobs)
    database.close()


def running(ledger: Ledger) -> list[str]:
    with ledger.read() as tx:
        return [run.id for run in tx.runs.list(kind="step", status="running")]


def test_a_step_is_followed_from_elsewhere_while_it_runs_and_to_its_end(
    workshop: Any, elsewhere: LogReader, tmp_path: Path
) -> None:
    workshop.write("toy.py", TALKING)
    heard: list[str] = []

    def follow() -> None:
        until(lambda: bool(running(workshop.ledger)))
        (step,) = running(workshop.ledger)
        until(lambda: elsewhere.read(step).text == "first: grüß dich\n")
        (tmp_path / "gate").touch()
        after = 0
        while True:
            chunk = elsewhere.read(step, after=after)
            assert chunk.left_out == 0
            heard.append(chunk.text)
            after = chunk.after
            if chunk.ended:
                return

    follower = threading.Thread(target=follow)
    follower.start()
    with LocalExecutor(cpus=1, preload=()) as executor:
        workshop.executor = executor
        result = workshop.run(params={"folder": str(tmp_path)})
    follower.join(WITHIN_S)
    assert "".join(heard) == "first: grüß dich\nlast\n"
    assert [run.name for run in elsewhere.steps(result.run_id)] == ["talk"]
    assert elsewhere.is_over(result.run_id)
    with workshop.ledger.read() as tx:
        assert tx.logs.sizes() == {}  # the blob has it all


def test_what_a_killed_run_had_printed_can_still_be_read(
    workshop: Any, elsewhere: LogReader, tmp_path: Path
) -> None:
    workshop.write("toy.py", TALKING)
    workshop.snapshot()
    script = """
        import sys
        sys.path.insert(0, sys.argv[1] + "/project")
        import toy
        from pathlib import Path
        from towpath.assets.code import CodeStore
        from towpath.assets.datasets import ParquetDatasetStore
        from towpath.build.compute import LocalExecutor
        from towpath.build.pipelines import PipelineRunner
        from towpath.core.clock import SystemClock
        from towpath.core.refs import Ref
        from towpath.ledger import open_ledger
        from towpath.storage.blobs import open_blobs
        from towpath.storage.database import open_database
        from towpath.storage.keys import FileKeyring

        home = Path(sys.argv[1])
        keyring = FileKeyring(home / "keys")
        ledger = open_ledger(open_database(f"sqlite:///{home}/towpath.db"), keyring)
        url = (home / "blobs").as_uri()
        blobs = open_blobs(url)
        PipelineRunner(
            ledger, blobs, blobs_url=url, scratch=home / "run", clock=SystemClock(),
            datasets=ParquetDatasetStore(ledger, blobs, keyring),
            code=CodeStore(ledger, blobs, home / "code"),
            executor=LocalExecutor(cpus=1, preload=()),
        ).run(toy.train, project="toy", code=Ref("code", "toy", 1), params={"folder": str(home)})
        """
    command = [sys.executable, "-c", dedent(script), str(workshop.home)]
    with subprocess.Popen(command) as runner:
        until(lambda: bool(running(workshop.ledger)))
        (step,) = running(workshop.ledger)
        until(lambda: bool(elsewhere.read(step).text))
        family = psutil.Process(runner.pid).children(recursive=True)
        runner.kill()
    psutil.wait_procs(family, timeout=WITHIN_S)
    workshop.runner()._bury_the_dead("toy")
    chunk = elsewhere.read(step)
    assert (chunk.text, chunk.ended) == ("first: grüß dich\n", True)


def test_more_than_is_kept_is_followed_to_the_end_with_what_was_left_out_told(
    sqlite_ledger: Ledger, disk_blobs: BlobStore, tmp_path: Path
) -> None:
    line, lines = b"x" * 99 + b"\n", 3 * KEPT_BYTES // 100
    reader = LogReader(sqlite_ledger, disk_blobs)
    with sqlite_ledger.write() as tx:
        run = tx.runs.start(kind="step", name="talk", project="toy")
    with (
        LogShipper(sqlite_ledger, every_s=0.01) as shipper,
        Scratch(tmp_path / "scratch", "r", shipper) as scratch,
    ):
        path = scratch.log(run.id)
        path.write_bytes(line)
        until(lambda: reader.read(run.id).text == line.decode())
        path.write_bytes(line * lines)
        digest = scratch.keep_log(run.id, disk_blobs)
        assert not path.exists()
    with sqlite_ledger.write() as tx:
        tx.runs.set_tags(run.id, {"log": digest})
        tx.runs.finish(run.id, "finished")
    seen, after, left_out, ended = 0, 100, 0, False
    while not ended:
        chunk = reader.read(run.id, after=after)
        seen, left_out = seen + len(chunk.text), left_out + chunk.left_out
        after, ended = chunk.after, chunk.ended
    assert after == len(line) * lines
    assert seen + left_out == after - 100
    assert 0 < seen <= KEPT_BYTES
    assert "bytes left out" in reader.read(run.id).text  # from the beginning: its head and its tail


def test_a_ledger_that_is_away_costs_nothing_but_the_view(
    sqlite_ledger: Ledger, disk_blobs: BlobStore, tmp_path: Path
) -> None:
    class Away:
        def write(self, **_: Any) -> Any:
            from towpath.core.errors import Unavailable

            looked.set()
            raise Unavailable("the database is away")

    looked = threading.Event()
    with (
        LogShipper(Away(), every_s=0.01) as shipper,
        Scratch(tmp_path / "scratch", "r", shipper) as scratch,
    ):
        scratch.log("a").write_bytes(b"hello\n")
        assert looked.wait(WITHIN_S)
        digest = scratch.keep_log("a", disk_blobs)
    assert disk_blobs.get(digest) == b"hello\n"


@given(st.text(max_size=20), st.data())
def test_a_character_is_never_cut(text: str, data: Any) -> None:
    whole = text.encode()
    cut = data.draw(st.integers(0, len(whole)))
    first = _whole_characters(whole[:cut])
    assert first.decode() == text[: len(first.decode())]
    assert len(whole[:cut]) - len(first) < 4


def test_runs_are_found_as_people_name_them(sqlite_ledger: Ledger) -> None:
    with sqlite_ledger.write() as tx:
        first = tx.runs.start(kind="pipeline", name="train", project="toy", run_id="a1" + "0" * 30)
        tx.runs.start(kind="pipeline", name="train", project="toy", run_id="a2" + "0" * 30)
        spec = {"project": "toy"}
        tx.intents.put(
            "pipeline_run", "nightly", project="toy", spec=spec, status={"run": first.id}
        )
    assert find_run(sqlite_ledger, first.id) == first.id
    assert find_run(sqlite_ledger, "a1") == first.id
    assert find_run(sqlite_ledger, "nightly") == first.id
    for text in ("a", "b", ""):
        with pytest.raises(NotFound):
            find_run(sqlite_ledger, text)


def test_an_unknown_step_is_named_with_those_there_are(workshop: Any) -> None:
    result = workshop.run()
    reader = LogReader(workshop.ledger, workshop.blobs)
    assert [one.name for one in reader.steps(result.run_id, "prepare")] == ["prepare"]
    with pytest.raises(NotFound, match="prepar"):
        reader.steps(result.run_id, "prepar")
