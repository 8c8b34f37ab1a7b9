"""Inputs that were not as in training when the decision was made."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from towpath.assets.models.reference import PREDICTION
from towpath.operate.monitoring.declaration import Drift
from towpath.operate.monitoring.drift import judge_drift
from towpath.operate.monitoring.findings import Window
from towpath.operate.monitoring.view import WindowView
from towpath.trace.incidents.contract import Suspect
from towpath.trace.incidents.suspects.adjusting import adjusted

if TYPE_CHECKING:
    from towpath.trace.incidents.suspects.traffic import Traffic

RATE: Final = 0.05
_MOST: Final = 5
_LEAST_ROWS: Final = 100
_DAYS: Final = (1, 7, 28)
_UNITS: Final = {"ks": "KS distance from training", "tv": "total variation from training"}


def drift_suspects(traffic: Traffic, *, at: datetime) -> tuple[list[Suspect], str]:
    """Return the inputs that stood out on the day of a decision, and what is to be said where none can.

    They are judged as a drift monitor judges them: against days of training in the same season, so that
    what is unusual is more than a Sunday. Days with too few decisions are taken together, back to four
    weeks.

    Args:
        traffic: Whose answers.
        at: Event time of the decision.
    """
    day = datetime(at.year, at.month, at.day, tzinfo=UTC)
    for days in _DAYS:
        until = day + timedelta(days=1)
        view = WindowView(
            window=Window(since=until - timedelta(days=days), until=until),
            service=traffic.service,
            environment=traffic.environment,
            champion=traffic.model,
            decisions=traffic.decisions,
            known_reference=traffic.reference,
            subject_field=traffic.subject_field,
        )
        counts = view.counts()
        if counts.rows < _LEAST_ROWS:
            continue
        monitor = Drift(window=f"{days}d")
        finding = judge_drift(
            monitor, traffic.reference, counts, view.window, personal=traffic.subject_field
        )
        looked = [
            one
            for one in finding.moved.values()
            if one.name != PREDICTION and one.name not in traffic.hidden
        ]
        rates = adjusted([math.nan if one.p is None else one.p for one in looked])
        found = sorted(
            (rate, one.name, one) for rate, one in zip(rates, looked, strict=True) if rate <= RATE
        )
        span = "that day" if days == 1 else f"in the {days} days up to it"
        return [
            Suspect(
                kind="drift",
                name=one.name,
                value=one.value,
                unit=_UNITS.get(one.statistic, one.statistic),
                p=rate,
                summary=f"{one.name} was not as in training {span}"
                + (f": {one.moved}" if one.moved else ""),
                refs=(str(traffic.model.ref),),
            )
            for rate, _, one in found[:_MOST]
        ], ""
    return (
        [],
        f"fewer than {_LEAST_ROWS} decisions of {traffic.model.ref} lie in the four weeks up to it",
    )


__all__ = ["drift_suspects"]
