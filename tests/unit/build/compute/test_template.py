"""Commands that are forked from a warm process: how they end, what they print, and who dies with whom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from towpath.build.compute import Ended, Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WITHIN_S = 60
COMMANDS = """
    import os, sys, time

    warmed_by = os.getpid()

    def carry_out(order, emit):
        verb, *rest = order["arguments"]
        return globals()[verb](*rest)

    def greet(name):
        print(f"hello {name}", file=sys.stderr)
        return {"code": 0, "said": {"name": name, "warmed_by": warmed_by, "pid": os.getpid()}}

    def refuse():
        return {"code": 3, "said": {"verdict": "fail"}}

    def crash():
        raise ValueError("something personal")

    def die():
        os.kill(os.getpid(), 9)

    def stay(path):
        print("I stay", file=sys.stderr, flush=True)
        with open(path, "w") as file:
            file.write(f"{os.getpid()} {os.getppid()}")
        time.sleep(600)
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Template]:
    folder = tmp_path_factory.mktemp("commands")
    (folder / "towpath_test_commands.py").write_text(dedent(COMMANDS), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        made = Template("towpath_test_commands:carry_out", preload=())
        made.warm(["msgspec"])
        yield made
        made.close()


@pytest.fixture
def run(template: Template) -> Callable[..., Ended]:
    return lambda *arguments: template.run(arguments, stop=threading.Event())


def pids(path: Path) -> list[int]:
    """Wait for a command that stays to say who it and its parent are."""
    deadline = time.monotonic() + WITHIN_S
    while not (path.exists() and (text := path.read_text(encoding="ascii"))):
        assert time.monotonic() < deadline, "it did not begin in time"
        threading.Event().wait(0.01)
    return [int(pid) for pid in text.split()]


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def until_gone(*wanted: int) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not all(gone(pid) for pid in wanted):
        assert time.monotonic() < deadline, "a process outlived what it was to die with"
        threading.Event().wait(0.01)


def test_a_command_says_how_it_ended_and_what_it_prints_is_passed_on(
    run: Callable[..., Ended], capsys: pytest.CaptureFixture[str]
):
    ended = run("greet", "Ada")
    assert (ended.code, ended.said["name"]) == (0, "Ada")
    assert capsys.readouterr().err == "hello Ada\n"
    assert run("refuse") == Ended(code=3, said={"verdict": "fail"})


def test_each_command_has_a_process_of_its_own(run: Callable[..., Ended]):
    first, second = (run("greet", "Ada").said for _ in range(2))
    assert first["pid"] != second["pid"]
    assert {first["pid"], second["pid"]}.isdisjoint({os.getpid()})


def test_what_crashes_failed_without_a_word_of_what_it_was_about(run: Callable[..., Ended]):
    ended = run("crash")
    assert ended.code == 1
    assert ended.said["error"].startswith("ValueError at ")
    assert "personal" not in ended.said["error"]


def test_what_somebody_killed_is_worth_another_try(run: Callable[..., Ended]):
    assert run("die").code == -signal.SIGKILL


def test_told_to_stop_it_ends_the_command(template: Template, tmp_path: Path):
    stop, ended = threading.Event(), []

    def work() -> None:
        ended.append(template.run(["stay", str(tmp_path / "pid")], stop=stop))

    thread = threading.Thread(target=work)
    thread.start()
    pid, _ = pids(tmp_path / "pid")
    stop.set()
    thread.join(WITHIN_S)
    assert ended == [Ended(code=None, said={})]
    until_gone(pid)


def test_when_the_warm_process_dies_its_commands_do_and_the_next_has_another(
    template: Template, run: Callable[..., Ended], tmp_path: Path
):
    ended: list[Any] = []
    arguments = ["stay", str(tmp_path / "pid")]
    thread = threading.Thread(
        target=lambda: ended.append(template.run(arguments, stop=threading.Event()))
    )
    thread.start()
    pid, server = pids(tmp_path / "pid")
    os.kill(server, signal.SIGKILL)
    thread.join(WITHIN_S)
    assert ended[0].code == -signal.SIGKILL
    until_gone(pid)
    assert run("refuse").code == 3


def test_when_its_owner_is_killed_everything_dies(tmp_path: Path):
    (tmp_path / "towpath_test_commands.py").write_text(dedent(COMMANDS), encoding="utf-8")
    owner = (
        "import sys, threading; from towpath.build.compute import Template; "
        "template = Template('towpath_test_commands:carry_out', preload=()); "
        "template.run(['stay', sys.argv[1]], stop=threading.Event())"
    )
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-c", owner, str(tmp_path / "pid")]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}) as process:
        found = pids(tmp_path / "pid")
        process.kill()
    until_gone(*found)
