"""`towpath dataset add` and `… ingest`: rows from files, addresses, databases and declared sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from towpath.assets.sources import Files, Format, GeoFiles, Source, Sql
from towpath.build.ingestion import Ingest, IngestMode, IngestResult
from towpath.build.ingestion import Progress as Reached
from towpath.cli.checks import print_findings
from towpath.cli.options import Common, Flag
from towpath.cli.printing import err, out, print_json
from towpath.core.digests import digest_json
from towpath.core.errors import UsageError
from towpath.core.refs import Ref
from towpath.operate.projects import load_project

_GEOSPATIAL = (".geojson", ".geojsonl", ".gpkg", ".fgb", ".shp", ".geoparquet")
_TELL_EVERY_S = 5.0
_DATABASES = ("sqlite:", "postgresql:", "postgres:")


def add(
    name: str,
    source: str,
    /,
    *more: str,
    overwrite: Flag = False,
    merge: Flag = False,
    format: Format | None = None,
    query: str | None = None,
    private: Flag = False,
    expected: int | None = None,
    branch: str | None = None,
    common: Common = Common(),
) -> int:
    """Read rows from files, an address or a database, and commit them as the next version.

    Files are Parquet, CSV, TSV, JSON lines, Arrow or geospatial, by their endings: paths, patterns
    ('data/*.csv.gz'), s3://bucket/pattern or https://… Any size will do: memory stays constant, and
    the same command carries on after an interruption.

    Args:
        name: The data set, as the project declares it.
        source: Where the rows are; ${NAME} in it is taken from the environment.
        more: Further files; all of them become one version.
        overwrite: Replace what is there instead of adding to it.
        merge: Replace the rows of keys that are there, and add the others.
        format: What the files are, if their endings don't say.
        query: What to ask a database (sqlite:///file.db, postgresql://user:${PASSWORD}@host/db).
        private: Allow an address in the private network.
        expected: Refuse unless this is the latest version now.
        branch: Commit to this branch of the data set.
    """
    if overwrite and merge:
        raise UsageError("--overwrite and --merge exclude each other", remedy="Give one of them.")
    project = common.project()
    dataset = project.dataset(name)
    mode: IngestMode = "overwrite" if overwrite else "merge" if merge else "append"
    here = tuple(_from_here(one) for one in (source, *more))
    found = _source(here, format=format, query=query, private=private)
    # Given again after an interruption, the same command finds the load that it had begun.
    told_apart = digest_json([name, branch, here, mode, format, query])
    ingest = Ingest(
        dataset, found, mode=mode, name=f"add-{told_apart[:16]}", exact=True, full=True, once=True
    )
    with common.open() as home, show_reading(quiet=common.json) as progress:
        result = home.ingests.run(
            ingest,
            project=project.name,
            expected=expected,
            branch=branch,
            on_progress=progress,
        )
    if common.json:
        print_json(result.version)
        return 0
    _print(result)
    if not result.is_new:
        err.print("nothing new: these rows are there already")
    elif result.version is not None:
        print_findings(result.version)
    return 0


def ingest(
    *names: str,
    anew: Flag = False,
    code: Annotated[str | None, Parameter(show=False)] = None,
    common: Common = Common(),
) -> int:
    """Read declared sources into their data sets: what came since the last time, or everything.

    Args:
        names: Which ingests; all that the project declares when left out.
        anew: Forget how far the last one came, and read everything.
        code: Run this version of the project's code instead of the folder's.
    """
    project = common.project() if code is None else None
    with common.open() as home:
        if code is not None:
            project = load_project(*home.unpack(Ref.parse(code, "code")), pristine=True)
        assert project is not None
        wanted = [project.ingest(one) for one in names] or list(project.ingests)
        if not wanted:
            raise UsageError(
                f"project {project.name!r} declares no ingest",
                remedy="Declare one: Project(…, ingests=[tp.Ingest(dataset, source)]).",
            )
        for one in wanted:
            with show_reading(quiet=common.json, title=one.name) as progress:
                result = home.ingests.run(
                    one, project=project.name, anew=anew, on_progress=progress
                )
            if common.json:
                print_json({"ingest": one.name, **_summary(result)})
            else:
                _print(result)
    return 0


@contextmanager
def show_reading(*, quiet: bool, title: str = "") -> Generator[Callable[[Reached], None]]:
    """Give a callback that draws how far a source is read, on standard error, until the block ends."""
    if quiet:
        yield _untold
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(title or "reading", total=None, rows=0)
        told = _PlainLines(title)

        def show(reached: Reached) -> None:
            total = None if reached.share is None else 1.0
            bar.update(task, total=total, completed=reached.share or 0.0, rows=reached.rows)
            where = reached.origin if reached.stage == "reading" else reached.stage
            bar.update(task, description=f"{title} {where}".strip())
            if not err.is_terminal:
                told.tell(reached)

        yield show


def _untold(_: Reached) -> None: ...


class _PlainLines:
    """Says every few seconds how far it is, where there is no terminal to draw on."""

    def __init__(self, title: str) -> None:
        self._title = f"{title}: " if title else ""
        self._told_at = time.monotonic()

    def tell(self, reached: Reached) -> None:
        if time.monotonic() < self._told_at + _TELL_EVERY_S:
            return
        self._told_at = time.monotonic()
        share = "" if reached.share is None else f", {reached.share:.0%}"
        err.print(f"{self._title}{reached.stage}, {reached.rows:,} rows{share}", highlight=False)


def _source(
    places: tuple[str, ...], *, format: Format | None, query: str | None, private: bool
) -> Source:
    """Return the source that an address, or some paths, stand for."""
    first = places[0]
    if first.startswith(_DATABASES):
        if query is None:
            raise UsageError(
                "a database needs a query to say which rows", remedy="Add --query 'SELECT …'."
            )
        return Sql(first, query)
    if query is not None:
        raise UsageError("--query is for databases", remedy="Leave it out for files.")
    if len(places) == 1 and first.lower().endswith(_GEOSPATIAL):
        return GeoFiles(first, private=private)
    return Files(places, format=format, private=private)


def _from_here(place: str) -> str:
    """Return a path as seen from where the command was given; addresses stay as they are."""
    return place if "://" in place or place.startswith("${") else str(Path.cwd() / place)


def _summary(result: IngestResult) -> dict[str, Any]:
    version = result.version
    return {
        "run": result.run,
        "version": None if version is None else str(version.ref),
        "rows": result.rows,
        "resumed_rows": result.resumed_rows,
        "new": result.is_new,
        "seconds": round(result.seconds, 3),
    }


def _print(result: IngestResult) -> None:
    version = result.version
    if version is None:
        err.print("nothing there yet")
        return
    out.print(f"{version.ref}  {version.body['rows']} rows")
