"""A home has one supervisor; its children come back when they die, and go when it goes."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from towpath.app.supervising import Child, Supervisor, Whereabouts, role_command
from towpath.core.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = Path(__file__).with_name("supervised_program.py")
WITHIN_S = 30.0


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Running:
    """A supervisor in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(home)], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline())
        until((home / "stubborn").exists, "the stubborn child started")

    def answering(self) -> int:
        """Return the process id that the socket answers with, however long nobody accepts."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WITHIN_S) as connection:
            return int(connection.recv(32))

    def stubborn(self) -> int:
        return int((self.home / "stubborn").read_text())

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(WITHIN_S)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    found = Running(tmp_path)
    yield found
    if found.process.poll() is None:
        found.end(signal.SIGKILL)
    found.process.stdout.close()


def test_a_killed_child_comes_back_and_its_callers_never_notice(running: Running):
    before = running.answering()
    os.kill(before, signal.SIGKILL)
    until(lambda: not alive(before), "the child died")  # what it had accepted died with it
    after = running.answering()
    assert after != before
    assert running.process.poll() is None


def test_a_second_supervisor_is_told_who_was_first(running: Running):
    with pytest.raises(Conflict, match=f"process {running.process.pid} at http") as caught:
        Supervisor(running.home).__enter__()
    assert caught.value.exit_code == 5
    found = Whereabouts.read(running.home)
    assert found is not None
    assert found.pid == running.process.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_ends_every_child_even_a_stubborn_one(running: Running, number: int):
    children = [running.answering(), running.stubborn()]
    assert running.end(number) == 0
    assert [pid for pid in children if psutil.pid_exists(pid)] == []
    assert Whereabouts.read(running.home) is None
    assert not (running.home / "run" / "up.json").exists()


def test_killed_its_children_die_and_the_home_is_free(running: Running):
    children = [running.answering(), running.stubborn()]
    assert running.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not any(alive(pid) for pid in children), "the kernel killed the children")
    assert (running.home / "run" / "up.json").exists()
    assert Whereabouts.read(running.home) is None
    with Supervisor(running.home):
        assert Whereabouts.read(running.home) is None, "it told of a supervisor that is dead"


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_looking_whether_a_home_runs_does_not_keep_it_from_starting(tmp_path: Path):
    (tmp_path / "run").mkdir()
    look = os.open(tmp_path / "run" / "up.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(look, fcntl.LOCK_EX)
    entered = threading.Event()

    def start() -> None:
        with Supervisor(tmp_path):
            entered.set()

    starting = threading.Thread(target=start)
    starting.start()
    os.close(look)
    assert entered.wait(WITHIN_S)
    starting.join()


def test_a_new_home_is_its_owners_alone(tmp_path: Path):
    with Supervisor(tmp_path / "some" / "home"):
        assert (tmp_path / "some" / "home").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("said", ["", "{", '{"pid": "x"}', "[]"])
def test_a_broken_note_is_nobody(tmp_path: Path, said: str):
    with Supervisor(tmp_path):
        (tmp_path / "run" / "up.json").write_text(said)
        assert Whereabouts.read(tmp_path) is None


def test_a_child_that_keeps_dying_is_started_ever_more_slowly():
    child = Child("crashing", ["true"])
    child.started_at = time.monotonic()
    waits = [child.next_backoff() for _ in range(8)]
    assert waits[0] > 0
    assert waits == sorted(waits)
    assert waits[-1] == waits[-2] <= 5.0

    child.started_at = float("-inf")
    assert child.next_backoff() == 0.0, "one that had lived for long is started at once"


def test_a_child_whose_parent_is_gone_does_not_start():
    ask = (
        "from towpath.app.supervising import die_with; from towpath.core.errors import Unavailable\n"
        "try: die_with(1 << 22)\n"
        "except Unavailable as error: print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=True, timeout=WITHIN_S
    )
    assert "is gone" in said.stdout


def test_a_role_is_started_with_what_was_set_and_zero_is_a_value():
    command = role_command(
        "gateway", {"fd": 0, "replay": True, "database": None, "home": "/h", "json": False}
    )
    assert command[:4] == [sys.executable, "-m", "towpath", "gateway"]
    assert command[4:] == ["--child-of", str(os.getpid()), "--fd", "0", "--replay", "--home", "/h"]
