from __future__ import annotations

import os
import subprocess
import sys
import threading

from towpath.build.compute import procfs


def test_memory_of_a_process_that_is_gone_is_nothing() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as child:
        child.wait()

    assert procfs.anonymous_bytes(child.pid) == 0
    assert procfs.anonymous_bytes(os.getpid()) > 0


def test_descendants_are_found_at_any_depth() -> None:
    script = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-S', '-c',"
        " 'import sys; print(1, flush=True); sys.stdin.read()'], stdin=sys.stdin); p.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-S", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        found = procfs.with_descendants(child.pid)
        child.stdin.close()

    assert found[0] == child.pid
    assert len(found) == 2
    assert child.pid in procfs.with_descendants(os.getpid()) or child.poll() is not None


def test_a_thread_that_computes_is_noticed() -> None:
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1000))

    spinning = threading.Thread(target=spin)
    spinning.start()
    awake = [procfs.threads_asleep() for _ in range(50)]
    stop.set()
    spinning.join()

    assert not all(awake)
