"""`towpath dataset check` and `… quarantine`: what rules say of rows, and rows that they set aside."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import polars as pl
from cyclopts import Parameter
from rich.prompt import Confirm

from towpath.app.home import Home
from towpath.assets.checks import REASON, CheckReport, sentence
from towpath.assets.datasets import Dataset
from towpath.assets.datasets.quality import checks_of, marks_of, quarantine_of
from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, print_json, print_table
from towpath.cli.rows import read_rows
from towpath.core.errors import UsageError
from towpath.ledger.records import Version

_REFUSED = 1


def check(
    name: str,
    /,
    *files: Path,
    branch: str | None = None,
    common: Common = Common(),
) -> int:
    """Judge rows by a data set's rules, without storing any.

    Args:
        name: The data set, as the project declares it.
        files: Files with rows that may be added; without any, the latest version is judged.
        branch: The branch whose latest version is meant.
    """
    project = common.project()
    dataset = project.dataset(name)
    frames = [read_rows(path, dataset.columns) for path in files]
    with common.open() as home:
        rows = pl.concat(frames, how="diagonal") if frames else None
        report = home.datasets.check(dataset, rows, branch=branch)
    if common.json:
        print_json(report)
    else:
        print_report(name, report)
    return _REFUSED if report.refused else 0


def quarantine(
    name: str,
    /,
    *,
    retry: Flag = False,
    drop: Flag = False,
    dry_run: Flag = False,
    yes: Annotated[Flag, Parameter(name=["--yes", "-y"])] = False,
    common: Common = Common(),
) -> int:
    """Show why rows of a data set are in quarantine.

    Args:
        name: The data set, as the project declares it.
        retry: Judge them by today's rules; those that pass are added to the data set.
        drop: Take all of them out of the quarantine, because they were mended where they came from.
        dry_run: With --drop: only say how many that would be.
        yes: Don't ask.
    """
    if retry and drop:
        raise UsageError("--retry and --drop exclude each other", remedy="Give one of them.")
    if drop and not dry_run and not yes and (common.json or not sys.stdin.isatty()):
        raise UsageError(
            "dropping rows needs a yes, and there is nobody to ask",
            remedy="Add --yes, or --dry-run.",
        )
    project = common.project()
    dataset = project.dataset(name)
    if not any(rule.policy == "quarantine" for rule in dataset.rules):
        raise UsageError(
            f"no rule of data set {name!r} sets rows aside",
            remedy="Give a rule policy='quarantine'.",
        )
    with common.open() as home:
        if retry:
            done = home.datasets.retry_quarantine(dataset, project=project.name)
            err.print(f"{done.added} rows added to {done.version.ref}, {done.kept} stay")
        if drop:
            _drop(home, dataset, project.name, dry_run=dry_run, yes=yes)
        version, reasons = _reasons(home, dataset)
    if common.json:
        print_json({"ref": None if version is None else version.ref, "reasons": reasons})
        return 0
    print_table(
        ["reason", "rows"],
        [(one["quarantine_reason"], one["rows"]) for one in reasons],
        empty=f"no row of data set {name!r} is in quarantine",
    )
    if version is not None and reasons:
        err.print(f"the rows: towpath dataset show {version.ref.name}")
    return 0


def _drop(home: Home, dataset: Dataset, project: str, *, dry_run: bool, yes: bool) -> None:
    aside = quarantine_of(dataset)
    with home.ledger.read() as tx:
        version = tx.versions.find(aside.ref)
    rows = 0 if version is None else version.body["rows"]
    if dry_run or not rows:
        err.print(f"{rows} rows would be dropped from {aside.name}")
        return
    question = f"Drop {rows} rows from {aside.name}?"
    if yes or Confirm.ask(question, console=err, default=False):
        keys = home.datasets.scan(aside.ref, columns=list(aside.key_columns)).collect()
        home.datasets.commit(aside, keys, project=project, mode="delete")
        err.print(f"{keys.height} rows dropped from {aside.name}")


def _reasons(home: Home, dataset: Dataset) -> tuple[Version | None, list[dict[str, object]]]:
    with home.ledger.read() as tx:
        version = tx.versions.find(quarantine_of(dataset).ref)
    if version is None:
        return None, []
    counted = (
        home.datasets.scan(version.ref, columns=[REASON])
        .group_by(REASON)
        .agg(pl.len().alias("rows"))
        .sort("rows", REASON, descending=[True, False])
    )
    return version, counted.collect().to_dicts()


def print_report(name: str, report: CheckReport) -> None:
    """Print what each rule found, and in words what is wrong."""
    print_table(
        ["rule", "policy", "outcome", "broken", "share"],
        [
            (one.name, one.policy, one.outcome, one.broken, f"{one.share:.2%}")
            for one in report.results
        ],
        empty=f"data set {name!r} declares no rules",
    )
    for one in report.results:
        if one.outcome != "kept":
            err.print(f"{one.outcome}: {sentence(name, one)}", markup=False)


def print_findings(version: Version) -> None:
    """Say on standard error what a commit's rules and the look for personal data found, if anything."""
    report = checks_of(version)
    for one in () if report is None else report.results:
        if one.outcome in ("warned", "quarantined"):
            err.print(f"{one.outcome}: {sentence(version.ref.name, one)}", markup=False)
    if report is not None and report.quarantined:
        name = version.ref.name.partition("~")[0]
        err.print(f"{report.quarantined} rows set aside: towpath dataset quarantine {name}")
    for mark in marks_of(version):
        err.print(f"{mark.says}: if it does, declare it Annotated[…, tp.Personal()]", markup=False)
