"""Which points a search begins with: the author's, then the best of an earlier search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.build.tuning.journal import latest_other
from towpath.build.tuning.reports import read_report
from towpath.core.errors import TowpathError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.build.pipelines.driving import Stage
    from towpath.build.tuning.contract import SearchSpec


def first_points(stage: Stage, spec: SearchSpec, search: str) -> tuple[Mapping[str, Any], ...]:
    """Return the points to try before any is proposed.

    Points of the earlier search are evaluated anew, since code or data have changed since; parameters
    that this search does not vary, or not as far, are left out of them. What the earlier one left may
    be gone, which is no reason not to search.
    """
    points = list(spec.first)
    if not spec.warm:
        return tuple(points)
    earlier = latest_other(stage.ledger, project=stage.project, node=stage.node, search=search)
    try:
        report = None if earlier is None else read_report(earlier, stage.blobs)
    except TowpathError:
        report = None
    trials = {} if report is None else {one.number: one for one in report.trials}
    for number in () if report is None else report.ranking[: spec.warm]:
        known = trials[number].params.items()
        point = {
            name: value
            for name, value in known
            if name in spec.space and spec.space[name].holds(value)
        }
        if point and point not in points:
            points.append(point)
    return tuple(points)
