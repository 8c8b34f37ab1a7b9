"""Recorded decisions asked again, and why they were made as they were. Both readings are recorded."""

from __future__ import annotations

from typing import Annotated

from litestar.params import FromPath, QueryParameter

from towpath.core.errors import InvalidRequest
from towpath.server.resources.explanations import DecisionReplay, ExplainedDecision
from towpath.server.routes.given import Given
from towpath.server.routes.reading import read
from towpath.server.views.explanations import explanation_of, replay_of

_ACTOR = "server"


@read("/decisions/{decision_id:str}/replay", tag="reverse")
def replay_decision(services: Given, decision_id: FromPath[str]) -> DecisionReplay:
    """Ask the recorded model about the recorded inputs, and compare the answer bit for bit."""
    if services.replayer is None:
        raise InvalidRequest("this server replays no decisions")
    return replay_of(services.replayer.replay(decision_id, actor=_ACTOR))


@read("/decisions/{decision_id:str}/explanation", tag="reverse")
def explain_decision(
    services: Given,
    decision_id: FromPath[str],
    near: Annotated[int, QueryParameter(ge=0, le=50, description="How many training rows.")] = 5,
) -> ExplainedDecision:
    """Say why a decision was made: shares, nearest training rows, what would flip it, and a letter.

    Costs what the model's explainer costs and a pass over its training rows: seconds, for large ones.
    """
    if services.explainer is None:
        raise InvalidRequest("this server explains no decisions")
    return explanation_of(services.explainer.explain(decision_id, actor=_ACTOR, near=near))


HANDLERS = [replay_decision, explain_decision]
