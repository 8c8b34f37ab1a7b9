"""`towpath init`, `apply` and `run`: a project from an empty folder to a judged model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from towpath.app.applying import apply, compare
from towpath.app.forecasting import forecast_run
from towpath.app.home import Home
from towpath.app.running import open_runner
from towpath.app.telemetry import sending_run
from towpath.build.pipelines import PipelineResult
from towpath.build.pipelines.planning.choosing import Part
from towpath.build.pipelines.planning.explaining import StepForecast
from towpath.cli.costs import show_forecast
from towpath.cli.options import Common, Flag, Repeated
from towpath.cli.pairs import pairs_of, pins_of
from towpath.cli.printing import err, out, print_json, print_table
from towpath.cli.progress import show_progress
from towpath.cli.scaffold import scaffold
from towpath.core.clock import parse_time
from towpath.core.errors import GateRefused
from towpath.core.refs import Ref
from towpath.operate.projects import Project, load_project

_EXIT_BY_STATUS = {"finished": 0, "failed": 1, "cancelled": 1, "refused": GateRefused.exit_code}


def init(name: str, /, *, into: Path | None = None) -> int:
    """Make a project that runs: a folder with its settings, one file of code and some data.

    Args:
        name: What to call it; becomes the folder's name.
        into: Where to put the folder; here, when left out.
    """
    folder = scaffold(name, into or Path())
    out.print(f"made {folder}", highlight=False)
    err.print(
        f"next:\n  cd {into / name if into else name}\n"
        "  towpath dataset add measurements data/measurements.csv\n"
        "  towpath run train\n"
        "  towpath apply\n"
        "  towpath up"
    )
    return 0


def apply_project(
    *,
    dry_run: Flag = False,
    common: Common = Common(),
) -> int:
    """Show how what is live differs from what the project declares, and make them equal.

    Args:
        dry_run: Only show the difference.
    """
    project = common.project()
    with common.open() as home:
        code = home.snapshot(project)
        act = compare if dry_run else apply
        changes = act(home.ledger, project, code=code, environment=home.settings.environment)
    if common.json:
        print_json({"code": str(code), "applied": not dry_run, "changes": changes})
        return 0
    rows = [(one.action, one.kind, one.name, ", ".join(one.fields)) for one in changes]
    print_table(["", "kind", "name", "fields"], rows, empty="nothing to change")
    if changes:
        err.print(
            "only shown; without --dry-run it is done"
            if dry_run
            else "done; a worker makes it so: towpath up"
        )
    return 0


def run(
    pipeline: str | None = None,
    /,
    *,
    param: Repeated = (),
    at: str | None = None,
    pin: Repeated = (),
    code: str | None = None,
    reason: str = "manual",
    without_candidates: Flag = False,
    only: str | None = None,
    until: str | None = None,
    start: Annotated[str | None, Parameter(name="--from")] = None,
    anew: Annotated[tuple[str, ...], Parameter(name="--no-cache", negative="")] = (),
    why: Flag = False,
    dry_run: Flag = False,
    forecast: Flag = False,
    common: Common = Common(),
) -> int:
    """Run a pipeline here and now. Finished steps are taken from the cache.

    Args:
        pipeline: Which one; the project's only one when left out.
        param: A pipeline parameter, as name=value. May be repeated.
        at: Plan the run for this event time instead of now (ISO 8601).
        pin: Read this version of a data set, as name=version, or of a model that is fine-tuned, as
            model:name=version. May be repeated.
        code: Run this version of the project's code instead of the folder's.
        reason: Kept with the run.
        without_candidates: Don't propose the models that it makes: nothing is registered or judged.
        only: Run this step alone; what it reads must be in the cache.
        until: Run this step and what it needs.
        start: Run this step and what follows from it, anew; what it reads must be in the cache.
        anew: Execute this step although its result is in the cache. May be repeated.
        why: Say first what is going to be executed, and which change made it so.
        dry_run: Only say it.
        forecast: Only say what it will cost: at most, and most likely.
    """
    params, pins = pairs_of(param, "parameter"), pins_of(pin)
    when = None if at is None else parse_time(at)
    project = common.project() if code is None else None
    with common.open() as home:
        project, ref = _chosen_code(home, project, code)
        chosen = project.pipeline(pipeline)
        with (
            open_runner(home, project, candidates=not without_candidates) as runner,
            show_progress(quiet=common.json) as progress,
        ):
            asked: dict[str, Any] = {"code": ref, "params": params, "at": when, "pins": pins}
            asked["part"] = Part(only=only, until=until, start=start, anew=anew)
            if why or dry_run:
                plan = runner.plan(chosen, **asked)
                steps = runner.forecast(plan, project=project.name, pipeline=chosen.name)
                _show_forecast(steps, as_json=common.json and dry_run, quiet=common.json)
            if forecast:
                names = {"project": project.name, "pipeline": chosen.name}
                plan = runner.plan(chosen, **asked)
                found = forecast_run(home, plan, runner.forecast(plan, **names), **names)
                return show_forecast(found, as_json=common.json)
            if dry_run:
                return 0
            with sending_run(home.settings.otel_endpoint, chosen.name, progress) as told:
                result = runner.run(
                    chosen, project=project.name, reason=reason, on_progress=told, **asked
                )
        resumes_in_s = _resumes_in_s(result, home.clock.now())
    _report(result, as_json=common.json, why=why, resumes_in_s=resumes_in_s)
    return _EXIT_BY_STATUS[result.status] if result.error is None else result.error.exit_code


def _chosen_code(home: Home, project: Project | None, code: str | None) -> tuple[Project, Ref]:
    """Return the folder's project and its code as a version, or those of the version asked for."""
    if project is not None:
        return project, home.snapshot(project)
    ref = Ref.parse(str(code), "code")
    return load_project(*home.unpack(ref), pristine=True), ref


def _show_forecast(steps: Sequence[StepForecast], *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(steps)
    elif not quiet:
        rows = [(one.name, one.expected, one.why) for one in steps]
        print_table(["step", "", "why"], rows, empty="no steps")


def _resumes_in_s(result: PipelineResult, now: datetime) -> float | None:
    """Return how long it is until a budget can pay for the rest; None where that is not the trouble."""
    resumes_at = None if result.error is None else result.error.fields.get("resumes_at")
    if not isinstance(resumes_at, str):
        return None
    return max(0.0, (parse_time(resumes_at) - now).total_seconds())


def _report(
    result: PipelineResult, *, as_json: bool, why: bool, resumes_in_s: float | None
) -> None:
    if as_json:
        waits = {} if resumes_in_s is None else {"resumes_in_s": resumes_in_s}
        print_json({**summarise(result), **waits})
        return
    if why:
        rows = [(one.name, one.status, f"{one.seconds:.2f}s", one.why) for one in result.steps]
        print_table(["step", "", "time", "why"], rows, empty="no steps")
    if result.report_markdown:
        out.print(result.report_markdown, markup=False)
    if result.error is not None:
        err.print(f"[red]{result.error.code}[/red] ", end="")
        err.print(str(result.error), markup=False)
        for note in getattr(result.error, "__notes__", ()):  # the step's own words and traceback
            err.print(note, markup=False)
    hits = sum(step.cached for step in result.steps)
    err.print(
        f"run {result.run_id} {result.status} in {result.seconds:.1f} s, "
        f"{hits} of {len(result.steps)} steps from the cache"
        + (f", {result.model} {result.verdict}" if result.model else "")
    )


def summarise(result: PipelineResult) -> dict[str, Any]:
    """Return a run's outcome as the JSON that whoever started the command reads."""
    return {
        "run": result.run_id,
        "status": result.status,
        "model": None if result.model is None else str(result.model),
        "verdict": result.verdict,
        "steps": len(result.steps),
        "cached": sum(step.cached for step in result.steps),
        "seconds": round(result.seconds, 3),
        "error": None if result.error is None else str(result.error),
    }
