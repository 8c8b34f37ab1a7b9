"""The server as a process: it announces itself, answers, and ends cleanly."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

SUPPORT = Path(__file__).parents[2] / "support"
PROGRAM = """
import sys
from pathlib import Path
from seeded_home import seed_home
from towpath.app.listening import open_listener
from towpath.server import Access, serve
home = seed_home(Path(sys.argv[1]), days=1, per_day=1)
serve(
    home.services,
    open_listener("127.0.0.1", 0),
    access=Access(),
    on_ready=lambda url: print(url, flush=True),
)
home.close()
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_even_while_a_browser_listens(number: signal.Signals, tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(SUPPORT), "PATH": ""},
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with (
            httpx.Client(timeout=30) as client,
            client.stream("GET", f"{url}/api/v1/events/stream") as response,
        ):
            lines = response.iter_lines()
            assert next(lines) == "event: clock"
            process.send_signal(number)
            assert list(lines)  # the stream ends by itself
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert output == "ended\n"


def test_answers_on_a_kept_connection_are_not_delayed(url: str):
    """The accepted socket says it is TCP, which is what makes asyncio set TCP_NODELAY on it."""
    from towpath.app.listening import open_listener

    with open_listener("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
