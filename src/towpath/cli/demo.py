"""`towpath demo`: the whole loop on a year of real flights."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from towpath.cli.options import Flag
from towpath.cli.printing import print_json
from towpath.demo import FAST, FULL, Narrator, tell


def demo(
    *,
    fast: Flag = False,
    keep: Path | None = None,
    days: int | None = None,
    json: Flag = False,
    journal: Annotated[Path | None, Parameter(show=False)] = None,
) -> int:
    """Train on real flights, serve them, notice that the world moves, retrain, roll out, forget.

    Args:
        fast: One flight in four goes on the delay board; done in under two minutes.
        keep: Folder for everything; the same folder again carries on from where it stopped.
        days: Replay only so many days, whether or not the story comes to its end in them.
        json: Print one JSON object with what happened.
        journal: Add each answer to this file as it arrives: [flight, decision id], one per line.
    """
    place = tempfile.TemporaryDirectory(prefix="towpath-demo-") if keep is None else None
    with place or nullcontext() as temporary:
        folder = Path(temporary) if temporary is not None else (keep or Path()).resolve()
        narrator = Narrator(quiet=json)
        plan = (FAST if fast else FULL).shortened(days)
        summary = tell(plan, folder, narrator, journal=journal)
        narrator.concluded(summary, kept=keep is not None)
        if json:
            print_json(summary)
    erasure = summary["erasure"]
    told = erasure is not None and erasure["phase"] == "certified"
    return 0 if told or days is not None else 1
