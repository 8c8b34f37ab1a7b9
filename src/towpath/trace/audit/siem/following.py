"""Reads the log from a cursor on, and keeps the cursor, so that an export can be stopped and taken up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from towpath.core.digests import canonical_json
from towpath.core.errors import UsageError
from towpath.storage.files import disk_errors, sync_folder
from towpath.trace.audit.siem.cef import as_syslog
from towpath.trace.audit.siem.ocsf import as_ocsf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.ledger.contract import Ledger
    from towpath.trace.audit.siem.telling import Teller

Form: TypeAlias = Literal["ocsf", "cef"]
FORMS: Final = ("ocsf", "cef")
_PIECE = 1000


def feed(
    ledger: Ledger, teller: Teller, *, form: Form, version: str, after: int = -1
) -> Iterator[tuple[list[str], int]]:
    """Yield lines in pieces, each with the number of its last entry, up to the log's end as it is.

    Args:
        ledger: Whose log.
        teller: Tells entries to outsiders.
        form: `ocsf` for JSON lines, `cef` for CEF in RFC 5424 syslog.
        version: The program's.
        after: The last entry that was told before.
    """
    while True:
        with ledger.read() as tx:
            events = tx.events.read(after=after, limit=_PIECE)
        if not events:
            return
        if form == "ocsf":
            lines = [
                canonical_json(as_ocsf(one, teller, version=version)).decode() for one in events
            ]
        else:
            lines = [as_syslog(one, teller, version=version) for one in events]
        after = events[-1].seq
        yield lines, after


class Cursor:
    """A file that holds which log, and the last entry of it that was told; it moves after the lines.

    Killed in between, the next export tells a piece again, under the same ids. A cursor of another log is
    refused.
    """

    def __init__(self, path: Path, *, log: str) -> None:
        self._path = path
        self._log = log

    def read(self) -> int:
        """Return the last entry that was told, -1 at the beginning.

        Raises:
            UsageError: The file is another log's cursor, or none.
        """
        with disk_errors(self._path):
            try:
                log, _, seq = self._path.read_text(encoding="utf-8").strip().partition(" ")
            except FileNotFoundError:
                return -1
        if log != self._log or not seq.removeprefix("-").isdecimal():
            raise UsageError(
                f"{self._path} is no cursor in the log {self._log}",
                remedy="Name another file; the export then begins at the log's beginning.",
            )
        return int(seq)

    def move(self, seq: int) -> None:
        """Note the last entry that was told, whole or not at all."""
        part = self._path.with_name(f".{self._path.name}.part")
        with disk_errors(self._path):
            with part.open("w", encoding="utf-8") as file:
                file.write(f"{self._log} {seq}\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
            sync_folder(self._path.absolute().parent)
