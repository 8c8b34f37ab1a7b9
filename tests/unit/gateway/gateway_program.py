"""Run as a program by the tests: a gateway over HOME in a process of its own; prints its port."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from towpath.core.clock import SystemClock
from towpath.gateway import Gateway
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.storage.online import open_online

home = Path(sys.argv[1])
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
listener.listen(128)
print(listener.getsockname()[1], flush=True)
keyring = FileKeyring(home / "keys")
database = open_database(f"sqlite:///{home}/towpath.db")
ledger = open_ledger(database, keyring)
try:
    Gateway(
        ledger=ledger,
        blobs=open_blobs(f"file://{home}/blobs"),
        keyring=keyring,
        clock=SystemClock(),
        online=open_online(f"lmdb://{home}/online"),
        environment="production",
        decisions_dir=home / "decisions",
        state_dir=home / "gateway",
        listener=listener,
        rotate_s=0.3,
    ).serve()
finally:
    ledger.close()
    database.close()
print("stopped", flush=True)
