"""`towpath gateway` as a process of its own: where it answers is what the settings say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import grpc

from towpath.app.home import open_home
from towpath.app.place import resolve_place
from towpath.gateway.rpc.messages import SERVICE, message

if TYPE_CHECKING:
    from pathlib import Path

WITHIN_S = 60.0


def test_grpc_is_answered_where_the_settings_say(tmp_path: Path):
    (tmp_path / "towpath.toml").write_text("gateway_port = 0\ngateway_grpc_port = 0\n")
    bare = {key: value for key, value in os.environ.items() if not key.startswith("TOWPATH_")}
    with (
        open_home(resolve_place(tmp_path, flags={}, environ={})) as home,
        subprocess.Popen(
            [sys.executable, "-m", "towpath", "gateway", "--directory", str(tmp_path)],
            env=bare,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            deadline, rows = time.monotonic() + WITHIN_S, []
            while not rows and process.poll() is None and time.monotonic() < deadline:
                with home.ledger.read() as tx:
                    rows = tx.intents.list("gateway")
                time.sleep(0.05)
            assert rows, "no gateway told where it is"
            with grpc.insecure_channel(rows[0].spec["rpc_address"]) as channel:
                live = channel.unary_unary(
                    f"/{SERVICE}/ServerLive",
                    request_serializer=message("ServerLiveRequest").SerializeToString,
                    response_deserializer=message("ServerLiveResponse").FromString,
                )
                assert live(message("ServerLiveRequest")(), timeout=WITHIN_S).live
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=WITHIN_S)
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert "Traceback" not in said
