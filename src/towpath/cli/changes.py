"""`towpath dataset delete-rows|compact`: versions that are made from the one before."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_json
from towpath.cli.rows import read_rows
from towpath.core.refs import Ref


def delete_rows(
    name: str,
    file: Path,
    /,
    *more: Path,
    expected: int | None = None,
    branch: str | None = None,
    common: Common = Common(),
) -> int:
    """Make a version without the rows whose keys CSV, JSON-lines or Parquet files list.

    Earlier versions keep the rows; `towpath erase` takes a subject out of all of them.

    Args:
        name: The data set, as the project declares it.
        file: The first file; its key columns count, others need not be there.
        more: Further files; all of them make one version.
        expected: Refuse unless this is the latest version now.
        branch: Commit to this branch of the data set.
    """
    project = common.project()
    dataset = project.dataset(name)
    frames = [read_rows(path, dataset.columns) for path in (file, *more)]
    line = dataset.ref.on(branch)
    with common.open() as home:
        with home.ledger.read() as tx:
            before = tx.versions.find(line)
        version = home.datasets.commit(
            dataset,
            pl.concat(frames, how="diagonal"),
            project=project.name,
            mode="delete",
            expected=expected,
            branch=branch,
        )
    if common.json:
        print_json(version)
        return 0
    if before is not None and version.ref == before.ref:
        err.print(f"nothing to delete: {version.ref} has none of these keys")
    else:
        out.print(
            f"{version.ref}  {version.body['rows']} rows, {version.body['deleted_rows']} fewer"
        )
    return 0


def compact(name: str, /, *, branch: str | None = None, common: Common = Common()) -> int:
    """Lay the latest rows out for reading: merge overlays and small files into a new version.

    Args:
        name: The data set.
        branch: Compact this branch of it.
    """
    line = Ref("dataset", name).on(branch)
    with common.open() as home:
        with home.ledger.read() as tx:
            before = tx.versions.get(line)
        version = home.datasets.compact(name, branch=branch)
    if common.json:
        print_json(version)
    elif version.ref == before.ref:
        err.print(f"{version.ref} is as compact as can be")
    else:
        sizes = (before.body["files"], version.body["files"])
        out.print(
            f"{version.ref}  {version.body['rows']} rows, {sizes[0]} files are {sizes[1]} now"
        )
    return 0
