"""`towpath subject report`: what is held of a person, for that person."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cyclopts import App

from towpath.cli.options import Common
from towpath.cli.printing import err, print_json, print_table
from towpath.core.errors import Conflict, InvalidName

if TYPE_CHECKING:
    from towpath.trace.explaining import SubjectReport

app = App(name="subject", help="What is held of a person.")
_ACTOR = "cli"
_OWNER_ONLY = 0o600


@app.command(name="report")
def report_subject(subject: str, /, *, out: Path | None = None, common: Common = Common()) -> int:
    """Gather everything that is held of a subject: rows, decisions, copies, models.

    The places are those that an erasure goes to. The reading is recorded, with the subject's keyed hash.
    Without --out only counts are printed.

    Args:
        subject: Whom, as FIELD=VALUE, such as tailnum=N14228.
        out: A folder for report.json and report.html, readable by you alone; neither may be there yet.
    """
    field, equals, value = subject.partition("=")
    if not equals or not field or not value:
        raise InvalidName("this does not name a subject", remedy="Write FIELD=VALUE.")
    if out is not None:
        _refuse_overwriting(out)
    with common.open() as home:
        found = home.subject_reports.report(field, value, actor=_ACTOR)
    if out is not None:
        _write(found, out)
    if common.json:
        print_json(asdict(found))
        return 0
    rows = [
        (
            one.kind,
            one.name,
            "not told apart" if one.rows is None else one.rows,
            len(one.versions) or None,
        )
        for one in found.holdings
    ]
    print_table(["held as", "where", "rows", "versions"], rows, empty="nothing is held")
    models = [(one["ref"], one["state"], ", ".join(one["live"])) for one in found.models]
    print_table(["learnt from it", "state", "in use by"], models, empty="no model learnt from it")
    if found.withdrawn:
        err.print("the subject has withdrawn")
    if out is not None:
        err.print(f"written to {out / 'report.html'} and {out / 'report.json'}")
    return 0


def _refuse_overwriting(folder: Path) -> None:
    for name in ("report.json", "report.html"):
        if (folder / name).exists():
            raise Conflict(f"{folder / name} is there already", remedy="Choose another folder.")


def _write(found: SubjectReport, folder: Path) -> None:
    from towpath.trace.explaining import render_page

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = {
        "report.json": msgspec.json.format(msgspec.json.encode(asdict(found), enc_hook=str)),
        "report.html": render_page(found).encode(),
    }
    for name, data in written.items():
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
