"""Run as a program by the tests: a gateway over HOME that dies (SIGKILL) where it lets go of a model.

    dying_gateway.py HOME AT

With AT `written`, it dies when it has written down that another model is in force; with `removed`, when it
has removed the first file of the one before; with `unreported`, when all its files are gone and nobody has
been told; with `never`, it serves, and with `away` it does so without ledger and blob store.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

from towpath.core.errors import Unavailable
from towpath.gateway.routes.keeping import LastKnown, PackageCache
from towpath.ledger.sql.ledger import SqlLedger
from towpath.storage.blobs.disk import DiskBlobStore


def die_after(owner: Any, name: str, *, second: bool = False) -> None:
    """Have a method do its work and then kill this process; `second`, the next time it is called."""
    real, calls = getattr(owner, name), []

    def dying(*args: Any, **options: Any) -> Any:
        found = real(*args, **options)
        calls.append(name)
        if len(calls) > second:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(owner, name, dying)


def away(*_: Any, **__: Any) -> None:
    """Stand for a ledger that is out of reach."""
    raise Unavailable("it is away")


def bring(self: PackageCache, digests: Any) -> None:
    """Stand for a blob store that is out of reach."""
    if any(not self.local.exists(one) for one in digests):
        away()


def arm(at: str) -> None:
    """Wait for the second route: that is the one which lets go of something."""
    match at:
        case "written":
            real = LastKnown.remember

            def remember(self: Any, known: Any, withdrawn: Any = ()) -> None:
                real(self, known, withdrawn)
                if known.route.generation == 2:
                    os.kill(os.getpid(), signal.SIGKILL)

            LastKnown.remember = remember
        case "removed":
            die_after(DiskBlobStore, "delete")
        case "unreported":
            die_after(PackageCache, "keep_only", second=True)
        case "away":
            SqlLedger.read = SqlLedger.write = away
            PackageCache.bring = bring


arm(sys.argv.pop())
runpy.run_path(str(Path(__file__).with_name("gateway_program.py")), run_name="__main__")
