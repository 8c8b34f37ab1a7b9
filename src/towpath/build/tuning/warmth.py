"""What a search takes over from an earlier one: points to begin with, or all that it may try."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from towpath.build.pipelines.formats.values import encode_value
from towpath.build.tuning.journal import latest_other
from towpath.build.tuning.reports import read_report
from towpath.core.digests import digest_json
from towpath.core.errors import IntegrityError, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.build.pipelines.authoring.driving import Stage
    from towpath.build.tuning.contract import SearchSpec

_ERASURE = "erasure:"


def informed(stage: Stage, spec: SearchSpec, search: str) -> tuple[SearchSpec, str]:
    """Return what is to be done, given what an earlier search of this name has found, and its identity.

    A search with `warm` begins with the best points of the earlier one, evaluated anew, since code or
    data have changed. Parameters that it does not vary, or not as far, are left out of them.

    A run that an erasure asks for does not search again. It fits the settings that were in the pool
    then on the rows that are left, and the gates choose among these: a withdrawal costs as many trials
    as the pool holds. Where the earlier search is unknown or was another, it searches in full.

    Args:
        stage: The run.
        spec: What the pipeline declares.
        search: Identity of the search as declared.
    """
    with stage.ledger.read() as tx:
        is_erasure = tx.runs.get(stage.run_id).tags.get("reason", "").startswith(_ERASURE)
    if not spec.warm and not is_erasure:
        return spec, search
    known = _best_points(stage, spec, search)
    if is_erasure and known and all(point.keys() == spec.space.keys() for point in known):
        narrowed = replace(spec, first=tuple(known), trials=len(known), prune=None)
        return narrowed, digest_json({"search": search, "only": encode_value(list(known))})
    fresh = [point for point in known[: spec.warm] if point and point not in spec.first]
    return replace(spec, first=(*spec.first, *fresh)), search


def _best_points(stage: Stage, spec: SearchSpec, search: str) -> list[Mapping[str, Any]]:
    """Return the pool of the newest other search of this name, as far as it fits into this space."""
    earlier = latest_other(stage.ledger, project=stage.project, node=stage.node, search=search)
    try:
        report = None if earlier is None else read_report(earlier, stage.blobs)
    except (NotFound, IntegrityError):
        report = None  # what is gone is no reason not to search
    if report is None:
        return []
    trials = {one.number: one.params for one in report.trials}
    return [
        {
            name: value
            for name, value in trials[number].items()
            if name in spec.space and spec.space[name].holds(value)
        }
        for number in report.ranking
    ]
