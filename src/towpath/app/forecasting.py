"""What a pipeline run will cost, before it is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.build.capacity.forecasting import ForecastCall, forecast
from towpath.build.pipelines.authoring.graphs import BranchNode, DriverNode
from towpath.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.app.home import Home
    from towpath.build.capacity.forecasting import Forecast
    from towpath.build.pipelines.authoring.graphs import AnyNode
    from towpath.build.pipelines.authoring.steps import Step
    from towpath.build.pipelines.planning.explaining import StepForecast
    from towpath.build.pipelines.planning.planning import Plan

_FREE = ("hit", "skipped")


def forecast_run(
    home: Home, plan: Plan, steps: Sequence[StepForecast], *, project: str, pipeline: str
) -> Forecast:
    """Return what the steps would cost that a run would have to execute.

    Steps that only *may* be hits, because they depend on others, count in full. A search counts with
    all of its trials. How many calls a fan-out over a result makes is not known before: it counts as
    one call, and is named in `open_ended`. Inline steps run in the runner's process and cost nothing.

    Args:
        home: Whose budgets and history to look at.
        plan: What would be run.
        steps: What would become of each of its nodes.
        project: The project that pays.
        pipeline: The pipeline's name.

    Raises:
        UsageError: A step asks for an accelerator that has no price.
    """
    free = {one.name for one in steps if one.expected in _FREE}
    nodes = [node for node in plan.graph.nodes if node.name not in free]
    calls = [call for node in nodes for call in _calls(node)]
    open_ended = [node.name for node in nodes if _is_open_ended(node)]
    times = {"now": home.clock.now(), "wall": SystemClock().now()}
    with home.ledger.read() as tx:
        return forecast(
            tx, calls, project=project, pipeline=pipeline, open_ended=open_ended, **times
        )


def _calls(node: AnyNode) -> list[ForecastCall]:
    if isinstance(node, BranchNode):
        return []
    if isinstance(node, DriverNode):
        calls = _trials(node) or 1
        return [_call(step, calls) for step in node.driving.steps if not step.options.inline]
    return [] if node.step.options.inline else [_call(node.step, 1)]


def _call(step: Step[object], calls: int) -> ForecastCall:
    options = step.options
    return ForecastCall(
        step=step.name, resources=options.resources, calls=calls, attempts=1 + options.retries
    )


def _trials(node: DriverNode) -> int | None:
    """Return how many calls a driver makes at most; None where only the run will tell."""
    trials = node.driving.constants.get("trials")
    return trials if isinstance(trials, int) and node.driving.kind == "search" else None


def _is_open_ended(node: AnyNode) -> bool:
    return isinstance(node, DriverNode) and _trials(node) is None
