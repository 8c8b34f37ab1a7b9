"""Materialises and erases over and over until it is killed; says each time it is through.

python dying_materializer.py HOME ONLINE-URL materialize|erase
"""

from __future__ import annotations

import sys
from pathlib import Path

import structlog

from towpath.assets.features import LayoutFeatureStore
from towpath.assets.features.online import OnlineFeatureStore
from towpath.core.clock import ManualClock, parse_time
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.storage.online import open_online


def main(home: Path, url: str, verb: str) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # answers are on stdout
    keyring = FileKeyring(home / "keys")
    ledger = open_ledger(open_database(f"sqlite:///{home}/towpath.db"), keyring)
    features = OnlineFeatureStore(
        ledger,
        LayoutFeatureStore(ledger, open_blobs(f"file://{home}/blobs")),
        open_online(url),
        keyring,
        ManualClock(parse_time("2013-01-01T10:00Z")),
        withdrawn=frozenset,
    )
    while True:
        if verb == "erase":
            features.erase("tailnum")
        else:
            for table in features.tables():
                features.materialize(table.declared.view(), project="test", whole=True)
        print("through", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
