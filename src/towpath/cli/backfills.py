"""`towpath backfill`: a pipeline over windows of the past."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter

from towpath.cli.options import Common, Flag, Repeated
from towpath.cli.pairs import pairs_of, pins_of
from towpath.cli.printing import err, out, print_facts, print_json, print_table
from towpath.core.clock import parse_time
from towpath.core.durations import format_duration, parse_duration
from towpath.operate.scheduling import BackfillRequest, BackfillStatus

app = App(
    name="backfill", help="A pipeline run over windows of the past: start, list, show, cancel."
)


@app.default
def start(
    pipeline: str,
    /,
    *,
    since: Annotated[str, Parameter(name="--from")],
    until: Annotated[str, Parameter(name="--to")],
    every: str,
    parallel: int = 1,
    param: Repeated = (),
    pin: Repeated = (),
    propose: Flag = False,
    common: Common = Common(),
) -> int:
    """Run a pipeline once for each window between two times. A worker carries it out: towpath up.

    Each run is planned for its window's end. What a run has done before is taken from the cache, so
    the same backfill again costs next to nothing.

    Args:
        pipeline: Which one.
        since: Where the first window begins (ISO 8601).
        until: Where the last one ends.
        every: How long a window is: 6h, 7d.
        parallel: Most runs at a time; the setting `runs` says how many a worker takes.
        param: A pipeline parameter, as name=value. {since} and {until} stand for the window's bounds.
        pin: Read this version of a data set, as name=version.
        propose: Propose the models that the runs make. The newest approved version is deployed, so
            a backfill keeps them to itself unless told otherwise.
    """
    project = common.project()
    chosen = project.pipeline(pipeline)
    params = pairs_of(param, "parameter")
    with common.open() as home:
        begun = home.backfills.start(
            BackfillRequest(
                project=project.name,
                pipeline=chosen.name,
                since=parse_time(since),
                until=parse_time(until),
                every=parse_duration(every),
                parallel=parallel,
                params=params,
                pins=pins_of(pin),
                code=str(home.snapshot(project)),
                candidates=propose,
            )
        )
    return _tell(begun, common, f"{begun.windows} windows; a worker runs them: towpath up")


@app.command(name="list")
def list_backfills(*, common: Common = Common()) -> int:
    """List backfills, newest first."""
    with common.open() as home:
        found = home.backfills.list()
    if common.json:
        print_json([_facts(one) for one in found])
        return 0
    rows = [(one.name, *_facts(one).values()) for one in found]
    columns = ["backfill", "from", "to", "every", "", "windows"]
    print_table(columns, [_short(row) for row in rows], empty="no backfill yet")
    return 0


@app.command
def show(name: str, /, *, common: Common = Common()) -> int:
    """Show how far a backfill is, window by window.

    Args:
        name: PROJECT.PIPELINE.NUMBER
    """
    with common.open() as home:
        status, windows = home.backfills.get(name), home.backfills.windows(name)
    if common.json:
        print_json({**_facts(status), "runs": [asdict(one) for one in windows]})
        return 0
    print_facts(name, _facts(status))
    rows = [
        (f"{one.span.since:%Y-%m-%d %H:%M}", one.phase, one.run_id or one.run, one.error)
        for one in windows
    ]
    print_table(["window from", "", "run", "error"], rows, empty="no window was started yet")
    return 0


@app.command
def cancel(name: str, /, *, now: Flag = False, common: Common = Common()) -> int:
    """Start no further window of a backfill; runs that are going on come to their end.

    Args:
        name: PROJECT.PIPELINE.NUMBER
        now: Stop those too.
    """
    with common.open() as home:
        status = home.backfills.cancel(name, now=now)
    return _tell(status, common, "no further window is started")


@app.command
def retry(name: str, /, *, common: Common = Common()) -> int:
    """Run a backfill's failed windows again, and go on with a cancelled one.

    Args:
        name: PROJECT.PIPELINE.NUMBER
    """
    with common.open() as home:
        status = home.backfills.retry(name)
    return _tell(status, common, "what failed is run again, what was left is gone on with")


def _tell(status: BackfillStatus, common: Common, said: str) -> int:
    if common.json:
        print_json({"backfill": status.name, **_facts(status)})
    else:
        out.print(status.name, highlight=False)
        err.print(said)
    return 0


def _facts(status: BackfillStatus) -> dict[str, object]:
    return {
        "from": status.since.isoformat(),
        "to": status.until.isoformat(),
        "every": format_duration(status.every),
        "phase": status.phase,
        "windows": dict(status.counts),
    }


def _short(row: tuple[object, ...]) -> tuple[object, ...]:
    *facts, counts = row
    assert isinstance(counts, dict)
    return (*facts, ", ".join(f"{count} {phase}" for phase, count in counts.items()))  # pyright: ignore[reportUnknownVariableType] -- counts by phase
