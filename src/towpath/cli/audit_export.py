"""`towpath audit export`: the log for security monitoring."""

from __future__ import annotations

import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from towpath.cli.options import Common, Flag
from towpath.cli.printing import err
from towpath.core.errors import UsageError
from towpath.trace.audit.siem import Cursor, Form, Teller, feed

if TYPE_CHECKING:
    from typing import TextIO

_POLL_S = 1.0


def export(
    *,
    form: Form = "ocsf",
    to: Path | None = None,
    cursor: Path | None = None,
    after: int = -1,
    follow: Flag = False,
    common: Common = Common(),
) -> int:
    """Print the log for a SIEM, a line for each entry. Nobody is named in it.

    Args:
        form: ocsf (JSON lines, OCSF 1.3) or cef (CEF within RFC 5424 syslog).
        to: Append to this file instead.
        cursor: File that keeps how far it is: the next export goes on there.
        after: Without --cursor: only entries after this one.
        follow: Stay, and print entries as they come, until you stop it.
    """
    if cursor is not None and after != -1:
        raise UsageError("--cursor says where to go on", remedy="Leave --after out.")
    told = 0
    with common.open() as home:
        teller = Teller(home.keyring)
        place = None if cursor is None else Cursor(cursor, log=teller.log)
        after = after if place is None else place.read()
        out = sys.stdout if to is None else to.open("a", encoding="utf-8")
        try:
            while True:
                pieces = feed(
                    home.ledger, teller, form=form, version=version("towpath"), after=after
                )
                for lines, last in pieces:
                    _write(out, lines)
                    after, told = last, told + len(lines)
                    if place is not None:
                        place.move(last)
                if not follow:
                    break
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            pass
        finally:
            if to is not None:
                out.close()
    err.print(f"{told:,} entries told")
    return 0


def _write(out: TextIO, lines: list[str]) -> None:
    out.write("\n".join(lines) + "\n")
    out.flush()
    if out is not sys.stdout:
        os.fsync(out.fileno())
