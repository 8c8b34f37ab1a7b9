"""`towpath artifact …`: a look into what steps gave."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from towpath.build.pipelines.reading.artifacts import find_artifact
from towpath.build.pipelines.reading.previewing import personal_columns, preview
from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_facts, print_json, print_table

if TYPE_CHECKING:
    from towpath.build.pipelines.reading.previewing import Preview, PreviewColumn

app = App(name="artifact", help="What steps gave.")


@app.command
def show(artifact: str, /, *, save: Path | None = None, common: Common = Common()) -> int:
    """Show the first rows of a table, what a model takes, a value or a picture. Personal columns are
    hidden.

    Args:
        artifact: RUN.STEP, RUN.STEP.N for one of several results, or a digest.
        save: Write a picture to this file.
    """
    with common.open() as home:
        found = find_artifact(home.ledger, artifact)
        with home.ledger.read() as tx:
            personal = personal_columns(tx)
        shown = preview(found, home.blobs, personal=personal)
    if save is not None and shown.image:
        save.write_bytes(shown.image)
    if common.json:
        print_json(_as_json(shown))
        return 0
    _print(shown)
    if shown.cut:
        err.print("there is more than is shown")
    if shown.image and save is None:
        err.print(f"a picture ({shown.media}); --save FILE writes it to a file")
    return 0


def _as_json(shown: Preview) -> dict[str, Any]:
    return {key: value for key, value in asdict(shown).items() if key != "image"}


def _print(shown: Preview) -> None:
    facts = {"type": shown.type, "codec": shown.codec, "size_bytes": shown.size_bytes}
    if shown.rows is not None:
        facts |= {"rows": shown.rows}
    print_facts(shown.digest, {**facts, **shown.facts})
    if shown.columns:
        columns = ["column", "type", "nulls", "distinct", "mean", "low", "high"]
        print_table(columns, map(_row, shown.columns), empty="no columns")
        visible = [one.name for one in shown.columns if one.hidden is None]
        out.print()
        rows = ([row[name] for name in visible] for row in shown.head)
        print_table(visible, rows, empty="no rows")
    if shown.text:
        sys.stdout.write(shown.text.rstrip("\n") + "\n")


def _row(one: PreviewColumn) -> list[Any]:
    if one.hidden is not None:
        return [one.name, one.type, one.nulls, f"hidden: {one.hidden}", "", "", ""]
    mean = None if one.mean is None else f"{one.mean:.6g}"
    return [one.name, one.type, one.nulls, one.distinct, mean, one.low, one.high]
