"""An erasure carries on from wherever its worker died."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from towpath.core.refs import Ref
from towpath.trace.erasure import ErasureReconciler, verify_certificate

SUBJECT = "N14228"
HERE = Path(__file__).parent
DEADLINE_S = 90.0


class Killed(BaseException):
    """Stands for the process's death: nothing catches it, no clean-up code acts on it."""


class Life:
    """Ends after so many effects, alternately just before and just after the last one."""

    def __init__(self, effects: int, *, after: bool) -> None:
        self.left = effects
        self.after = after

    @contextmanager
    def effect(self):
        self.left -= 1
        if self.left <= 0 and not self.after:
            raise Killed
        yield
        if self.left <= 0:
            raise Killed


class MortalLedger:
    def __init__(self, ledger: Any, life: Life) -> None:
        self._ledger, self._life = ledger, life
        self.read = ledger.read

    @contextmanager
    def write(self, **options: Any):
        with self._life.effect(), self._ledger.write(**options) as tx:
            yield tx


class Mortal:
    """A part whose named methods are effects."""

    def __init__(self, part: Any, life: Life, *methods: str) -> None:
        self._part, self._life, self._methods = part, life, methods

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if name not in self._methods:
            return found

        def call(*values: Any, **named: Any) -> Any:
            with self._life.effect():
                return found(*values, **named)

        return call


def one_life(home: Any, erasure_id: str, life: Life) -> None:
    """Work on the erasure until it is over or the life is."""
    ledger, blobs = MortalLedger(home.ledger, life), Mortal(home.blobs, life, "put", "delete")
    parts = replace(
        home.parts,
        ledger=ledger,
        blobs=blobs,
        models=type(home.models)(ledger, blobs, home.keyring),
        datasets=type(home.datasets)(ledger, blobs, home.keyring),
        keyring=Mortal(home.keyring, life, "shred"),
        # How the log survives its own deaths is its contract's to test.
        decisions=Mortal(home.decisions, life, "erase_subjects"),
    )
    reconciler = ErasureReconciler(parts)
    while True:
        with home.ledger.write() as tx:
            held = tx.intents.claim(["erasure"], owner="worker", lease_s=60)
        if held is None:
            return  # waits for others
        reconciler.reconcile(held)


def test_it_survives_a_death_at_every_effect(home, undisturbed):
    for one in (home, undisturbed):  # what is held for tests of the replacement survives as well
        one.parts = replace(one.parts, membership_s=60.0)
    erasure_id = home.erasures.submit("tailnum", SUBJECT)
    others = home.loop(only=("service", "pipeline_run", "rollout"))
    lives = effects = 0
    phase = ""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := home.erasures.get(erasure_id)).done:
        assert found.phase != "blocked", found.reason
        assert time.monotonic() < deadline, f"still {found.phase} after {lives} lives"
        # A little longer each time, so that every effect of a step is once the last.
        effects = effects + 1 if found.phase == phase else 1
        phase = found.phase
        try:
            one_life(home, erasure_id, Life(effects, after=lives % 2 == 0))
        except Killed:
            lives += 1
        with home.ledger.write() as tx:
            tx.intents.release("worker")
            for kind, name in (("erasure", erasure_id), ("service", "delay-board")):
                tx.intents.wake(kind, name)
        if found.phase in ("retraining", "rolling_out"):
            while others.step():
                pass
    assert lives > 20
    totals = found.totals
    assert (totals["rows"], totals["decisions"], totals["labels"]) == (2, 3, 3)
    assert found.replacements == {"model:late@3": "model:late@4"}
    assert home.champion() == Ref("model", "late", 4)
    assert len(home.trained) == 1
    certificate = home.erasures.certificate(erasure_id)
    check = verify_certificate(certificate, home.keyring.public_key_pem)
    assert check.valid, check.problems
    spared = undisturbed
    spared_id = spared.erasures.submit("tailnum", SUBJECT)
    assert spared.work(spared_id).done
    assert said(certificate) == said(spared.erasures.certificate(spared_id))
    for number in (1, 2, 3):
        ref = Ref("dataset", "flights", number)
        frames = [one.datasets.scan(ref).sort("flight_id").collect() for one in (home, spared)]
        assert frames[0].equals(frames[1]), "nothing extra went"


def said(certificate: bytes) -> dict[str, Any]:
    """Return what a certificate says, but for ids, times, and what training makes anew."""
    told = json.loads(certificate)
    kept = ("field", "subject", "riders", "datasets", "copies", "out_of_reach")
    shown = {name: told[name] for name in kept}
    shown["totals"] = {name: count for name, count in told["totals"].items() if name != "bytes"}
    shown["phases"] = [step["phase"] for step in told["steps"]]
    shown["models"] = [
        (one["model"], one["services"], one["replacement"], one.get("membership"))
        for one in told["models"]
    ]
    shown["decisions"] = {
        name: count for name, count in told["decisions"].items() if name != "files"
    }
    shown["residue"] = told["verification"]["residue"]
    return shown


WORKER = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("tiny", sys.argv[1])
tiny = importlib.util.module_from_spec(spec)
sys.modules["tiny"] = tiny
spec.loader.exec_module(tiny)
home = tiny.open_tiny_home(Path(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
loop = home.loop(only=("erasure",), owner="doomed")
while True:
    loop.step()
"""


def test_it_survives_kill_9(home):
    command = [sys.executable, "-c", WORKER, str(HERE / "conftest.py"), str(home.path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        try:
            assert worker.stdout is not None
            while worker.stdout.readline() != "ready\n":
                assert worker.poll() is None
            erasure_id = home.erasures.submit("tailnum", SUBJECT)
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
            deadline = time.monotonic() + DEADLINE_S
            while home.erasures.get(erasure_id).phase in ("suppressed", "acknowledged"):
                assert worker.poll() is None
                assert time.monotonic() < deadline
        finally:
            os.kill(worker.pid, signal.SIGKILL)
    with home.ledger.write() as tx:
        tx.intents.release("doomed")
    found = home.work(erasure_id)
    assert found.done, found.reason
    audit = [sys.executable, str(HERE.parents[3] / "scripts" / "find_residue.py")]
    done = subprocess.run([*audit, str(home.path), SUBJECT], capture_output=True, check=False)
    assert json.loads(done.stdout)["residue"] == {}
