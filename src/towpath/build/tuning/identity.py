"""What makes two searches the same, so that one goes on where the other was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.build.pipelines.formats.values import encode_value
from towpath.build.tuning.space import corner_of
from towpath.core.digests import digest_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.build.pipelines.authoring.driving import Stage
    from towpath.build.pipelines.authoring.steps import Step
    from towpath.build.tuning.contract import SearchSpec

FORMAT = 1


def identity_of(stage: Stage, step: Step[Any], spec: SearchSpec, fixed: Mapping[str, Any]) -> str:
    """Return a digest that is equal for equal code, data, constants, space and way of searching.

    How many trials, how many at once, how long, and how many results are kept do not count: the same
    search with more trials continues.
    """
    constants = {**fixed, **corner_of(spec.space)}
    key = stage.key_of(step, inputs=stage.inputs, constants=constants)
    return digest_json({"format": FORMAT, "key": key, "how": describe(spec)})


def describe(spec: SearchSpec) -> dict[str, Any]:
    """Return what is searched and how, as JSON."""
    return {
        "space": {name: axis.describe() for name, axis in spec.space.items()},
        "objectives": [[one.metric, one.direction] for one in spec.objectives],
        "sampler": spec.sampler,
        "prune": spec.prune,
        "seed": spec.seed,
        "first": [encode_value(dict(point)) for point in spec.first],
        "within": {name: list(bounds) for name, bounds in spec.within.items()},
        "warm": spec.warm,
    }
