"""Many processes on one budget, some of them killed: it is never overspent by even one job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from towpath.build.capacity import Budget, project_path
from towpath.ledger import Balance

WORKER = """
import json, random, sys, time
from towpath.build.capacity import Granted, LedgerPermits, PermitRequest, Refused, Usage
from towpath.build.compute import Resources
from towpath.core.clock import SystemClock
from towpath.ledger import open_ledger
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from pathlib import Path

url, keys, name, jobs = sys.argv[1:]
ledger = open_ledger(open_database(url), FileKeyring(Path(keys)))
permits = LedgerPermits(ledger, SystemClock(), owner=name, is_dead=lambda owner: False)
print("ready", flush=True)
sys.stdin.readline()
draw = random.Random(name)
started = []
for job in range(int(jobs)):
    run = f"{name}-{job}"
    request = PermitRequest(
        id=f"{run}/fit/1", project="flights", pipeline="train", run_id=run, step="fit",
        resources=Resources(timeout_s=1.0, grace_s=0.0),
    )
    (answer,) = permits.ask([request])
    if isinstance(answer, Granted):
        print(json.dumps({"granted": run}), flush=True)
        permits.settle(answer.id, Usage(seconds=draw.uniform(0.2, 1.0), outcome="done"))
    else:
        permits.withdraw([request.id])
print(json.dumps({"over": name}), flush=True)
"""


@pytest.fixture
def budget(office) -> int:
    """Return a cap that about half of the jobs fit in."""
    office.declare("flights", Budget(usd_per_month=20))
    return 20_000_000


def start(database_url: str, keys: Path, name: str, jobs: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, database_url, str(keys), name, str(jobs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("workers", [4])
def test_many_processes_never_overspend(office, budget, database_url, tmp_path, workers):
    crowd = [start(database_url, tmp_path / "keys", f"w{n}", 12) for n in range(workers)]
    for one in crowd:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in crowd:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    victim, said = crowd[0], ""
    assert victim.stdout is not None
    said = victim.stdout.readline()
    os.kill(victim.pid, signal.SIGKILL)
    highest = 0
    deadline = time.monotonic() + 120
    while any(one.poll() is None for one in crowd):
        highest = max(highest, office.balance(project_path("flights")).committed)
        assert time.monotonic() < deadline
    assert [one.returncode for one in crowd[1:]] == [0] * (workers - 1)
    for one in crowd:
        assert one.stdout is not None
        said += one.stdout.read()
        for stream in (one.stdin, one.stdout):
            assert stream is not None
            stream.close()
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    granted = {line["granted"] for line in told if "granted" in line}
    balance = office.balance(project_path("flights"))
    assert highest <= budget
    assert balance.committed <= budget
    with office.ledger.read() as tx:
        reserved = tx.account.entries(kind="reserve")
        settled = tx.account.entries(kind="settle")
    assert len(settled) >= 20  # what does not fit any more was tried in vain
    # Nothing was granted without money; at most what the killed one was just being told is more.
    assert granted <= {one.run for one in reserved}
    assert len(reserved) <= len(granted) + 1
    # What the killed one left open stays reserved, to the micro-unit.
    opened = {one.permit: one.micros for one in reserved}
    for one in settled:
        del opened[one.permit]
    assert balance == Balance(
        reserved=sum(opened.values()), spent=sum(one.micros for one in settled)
    )
