"""A writer that is killed with -9 leaves the last acknowledged state, whole, and nobody waiting."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from towpath.storage.online import OnlineStore

WRITER = Path(__file__).parent / "dying_writer.py"
KILLS = 2
DEADLINE_S = 60.0


def killed(url: str, verb: str, *, after: int, delay_s: float) -> int:
    """Run the writer, kill it a while after it said so many turns; return the last one it said."""
    command = [sys.executable, str(WRITER), url, verb]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(after):
            assert writer.stdout.readline()
        time.sleep(delay_s)  # not a wait for anything: where the kill falls is to vary
        writer.kill()
        return after + len(writer.stdout.read().splitlines())


def publish(store: OnlineStore, turn: int) -> None:
    with store.begin("weather") as draft:
        draft.write([(b"00000", struct.pack(">QQ", turn, 0) + b"after")])
        draft.publish(b"after")


@pytest.mark.parametrize("verb", ["publish", "put", "update"])
def test_what_was_acknowledged_is_there_after_a_kill(
    online_url: str, online: OnlineStore, verb: str
):
    dice = random.Random(verb)
    for _ in range(KILLS):
        publish(online, 0)
        last = killed(online_url, verb, after=2, delay_s=dice.uniform(0, 0.03))
        if verb == "put":
            keys = [f"put-{turn}".encode() for turn in range(1, last + 1)]
            (found,) = online.read([("weather", keys)])
            assert None not in found.values
        else:
            head = online.head("weather")
            assert head is not None
            turn = int(head.body)
            assert turn in (last, last + 1)
            keys = [f"{number:05}".encode() for number in range(2000)]
            (found,) = online.read([("weather", keys)])
            turns = {int(value[16:]) for value in found.values if value is not None}
            assert len(turns) <= 2 if verb == "update" else turns == {turn}
            assert min(turns) >= turn
        # Nobody who comes after is held up, or sees anything of what was under way.
        begun = time.monotonic()
        assert online.put("weather", [(b"later", struct.pack(">QQ", 10**9, 0))]) == 1
        publish(online, 10**9)
        assert time.monotonic() - begun < DEADLINE_S
        expected = {2} if verb != "put" else {last + 2, last + 3}
        assert online.count("weather") in expected
        online.drop("weather")
