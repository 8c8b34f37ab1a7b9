"""Turns replays and explanations into what the API answers; JSON has no numbers beyond the finite ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from towpath.server.resources.explanations import (
    ChangedLibrary,
    DecisionReplay,
    ExplainedDecision,
    InputChange,
    NearTrainingRow,
    ReplayedField,
    Share,
    Way,
)

if TYPE_CHECKING:
    from towpath.trace.explaining import DecisionExplanation, Replay
    from towpath.trace.explaining.contract import Nearest


def replay_of(found: Replay) -> DecisionReplay:
    """Return a replay as the API shows it."""
    place = found.environment
    known = place is not None and place.then is not None
    return DecisionReplay(
        decision_id=found.decision_id,
        verdict=found.verdict,
        model=found.model,
        form=found.form,
        asked=found.asked,
        reason=found.reason,
        fields=[
            ReplayedField(
                name=one.name,
                recorded=_finite(one.recorded),
                replayed=_finite(one.replayed),
                equal=one.equal,
                ulps=one.ulps,
            )
            for one in found.fields
        ],
        same_environment=place.same if place is not None and known else None,
        changed=[
            ChangedLibrary(name=one.name, then=one.then, now=one.now)
            for one in (() if place is None else place.changed)
        ],
    )


def explanation_of(found: DecisionExplanation) -> ExplainedDecision:
    """Return an explanation as the API shows it. Keys and subjects of training rows stay out."""
    shares, near, ways = found.attributions, found.nearest, found.counterfactuals
    return ExplainedDecision(
        decision_id=found.decision_id,
        service=found.service,
        model=found.model,
        form=found.form,
        at=found.at,
        answer=found.answer,
        favourable=found.favourable,
        inputs={one.column: _finite(one.value) for one in shares.shares},
        method=shares.method,
        scale=shares.scale,
        base=shares.base,
        raw=shares.raw,
        explainer=shares.digest,
        shares=[
            Share(
                column=one.column,
                value=_finite(one.value),
                share=one.share,
                description=one.description,
            )
            for one in shares.shares
        ],
        near_by=near.by,
        near_source=near.source,
        near_revision=near.revision,
        near_rows_read=near.rows_read,
        near_note=near.note,
        near_missing=near.missing,
        near=near_rows(near),
        ways=[
            Way(
                changes=[
                    InputChange(
                        column=one.column,
                        before=_finite(one.before),
                        after=_finite(one.after),
                        description=one.description,
                    )
                    for one in way.changes
                ],
                answer=way.answer,
                cost=way.cost,
            )
            for way in ways.found
        ],
        ways_exact=ways.exact,
        ways_missing=ways.missing,
        letter=found.summary.text,
        notes=list(found.notes),
    )


def near_rows(near: Nearest) -> list[NearTrainingRow]:
    """Return training rows without saying which they are."""
    return [
        NearTrainingRow(
            nearness=one.nearness,
            values={name: _finite(value) for name, value in one.values.items()},
            outcome=_finite(one.outcome),
        )
        for one in near.rows
    ]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
