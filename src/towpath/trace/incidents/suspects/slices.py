"""Decisions alike in one or two inputs, on which the model errs more than elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from towpath.assets.models.losses import LOSSES
from towpath.assets.models.reference import PREDICTION
from towpath.operate.decisions.contract import INPUT, OUTPUT
from towpath.operate.monitoring.watching.slicing import cut, slices
from towpath.trace.incidents.contract import Suspect
from towpath.trace.incidents.suspects.adjusting import adjusted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from towpath.assets.models import Task
    from towpath.operate.monitoring.watching.slicing import Slice
    from towpath.trace.incidents.suspects.traffic import Traffic

LEAST_ROWS: Final = 30
"""A slice has at least so many labelled decisions: fewer prove nothing, and may be single persons."""

RATE: Final = 0.05
_MOST: Final = 5
_ADDS: Final = 1.25
_FAVOURITE: Final = {"binary": "log_loss", "regression": "mae", "forecast": "mae"}


def slice_suspects(
    traffic: Traffic,
    *,
    since: datetime,
    until: datetime,
    matured_by: datetime,
    about: Sequence[str],
) -> tuple[list[Suspect], str]:
    """Return the slices that stand out, by counting; of them 5 % are expected to be chance.

    And what is to be said where none can be looked at.

    Args:
        traffic: Whose answers. Columns that hold what is personal are not cut by.
        since: Beginning of the span of event time.
        until: Its end.
        matured_by: Event time by which labels are known.
        about: Ids of the incident's decisions: slices are only suspected if one of them lies in them;
            where none of them has a label, all are.
    """
    task: Task = traffic.model.body.get("task", "binary")
    loss = _FAVOURITE.get(task)
    if loss is None:
        return [], f"a model of the task {task!r} has no loss of single answers to slice by"
    columns = [
        one
        for one in traffic.reference.columns
        if one.name not in (PREDICTION, traffic.subject_field) and one.name not in traffic.hidden
    ]
    answer = OUTPUT + traffic.model.body["signature"]["outputs"][0]["name"]
    rows = _labelled(
        traffic,
        [answer, *(INPUT + one.name for one in columns)],
        since=since,
        until=until,
        matured_by=matured_by,
    )
    if rows.height < 2 * LEAST_ROWS:
        return [], f"{rows.height} labelled decisions of {traffic.model.ref} are too few to slice"
    losses = LOSSES[task][loss](rows["label"].to_numpy(), rows[answer].cast(pl.Float64).to_numpy())
    weights = (1.0 / rows["kept"].cast(pl.Float64).fill_null(1.0)).to_numpy()
    cuts = [cut(one, rows[INPUT + one.name]) for one in columns]
    found = list(slices(cuts, losses, weights, depth=2, min_rows=LEAST_ROWS))
    rate_of = dict(
        zip((one.parts for one in found), adjusted([one.p for one in found]), strict=True)
    )
    mine = np.flatnonzero(rows["decision_id"].is_in(list(about)).to_numpy())
    theirs = [{one.column: int(one.group[at]) for one in cuts} for at in mine]
    worst = [
        one
        for one in found
        if rate_of[one.parts] <= RATE
        and (not theirs or any(dict(one.parts).items() <= row.items() for row in theirs))
    ]
    worst.sort(key=lambda one: (one.p, one.words))
    return [
        Suspect(
            kind="slice",
            name=one.words,
            value=one.mean - one.elsewhere,
            unit=f"{loss} more than elsewhere",
            p=rate_of[one.parts],
            summary=(
                f"where {one.words}, {loss} is {one.mean:.4g}, and {one.elsewhere:.4g} in all other "
                f"decisions; {one.rows:,.0f} decisions, of {len(found):,} slices looked at"
            ),
            refs=(str(traffic.model.ref),),
        )
        for one in _that_add(worst)[:_MOST]
    ], ""


def _labelled(
    traffic: Traffic,
    columns: Sequence[str],
    *,
    since: datetime,
    until: datetime,
    matured_by: datetime,
) -> pl.DataFrame:
    """Return the model's own answers of which the outcome is known; the answer is the first column."""
    scan = traffic.decisions.scan_labelled(
        traffic.service,
        since=since,
        until=until,
        matured_by=matured_by,
        columns=["decision_id", "model", "status", "kept", *columns],
    )
    ours = (pl.col("model") == str(traffic.model.ref)) & (pl.col("status") == "ok")
    return scan.filter(ours & pl.col(columns[0]).is_not_null()).collect()


def _that_add(worst: list[Slice]) -> list[Slice]:
    """Leave out pairs that are hardly worse than a part of them that is named already."""
    single = {one.parts[0]: one.mean for one in worst if len(one.parts) == 1}

    def adds(one: Slice) -> bool:
        own = [single[part] for part in one.parts if part in single]
        return len(one.parts) == 1 or not own or one.mean > max(own) * _ADDS

    return [one for one in worst if adds(one)]


__all__ = ["LEAST_ROWS", "RATE", "slice_suspects"]
