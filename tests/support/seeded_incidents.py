"""An incident that somebody looked into, with a case that was kept from it and a waiver."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from towpath.assets.cases import Expectation, NewCase
from towpath.core.refs import Ref
from towpath.trace.incidents import Suspect, Triage
from towpath.trace.incidents.rows import change, triage_spec

if TYPE_CHECKING:
    from towpath.server import Services

TITLE = "an aeroplane in clear weather was called late"
SUSPECTS = (
    Suspect(
        kind="slice",
        name="carrier is 'EV'",
        value=0.41,
        unit="log_loss more than elsewhere",
        p=0.003,
        summary="where carrier is 'EV', log_loss is 0.91, and 0.5 in all other decisions",
        refs=("model:late@1",),
    ),
    Suspect(
        kind="slice",
        name="8 < wind_speed ≤ 14",
        value=0.17,
        unit="log_loss more than elsewhere",
        p=0.04,
        summary="where 8 < wind_speed ≤ 14, log_loss is 0.66, and 0.49 in all other decisions",
        refs=("model:late@1",),
    ),
    Suspect(
        kind="rows",
        name="14 of the 20 nearest rows of dataset:flights@1",
        value=0.7,
        unit="of the nearest rows speak for the wrong answer",
        p=0.02,
        summary="of the 20 training rows that share most leaves with it, 14 speak for the answer",
        refs=("dataset:flights@1",),
    ),
)


def seed_incident(services: Services, decisions: list[str]) -> str:
    """Open an incident of two decisions, as triage and people would leave it; returns its id.

    The seeded models are no models that could be asked: what they would say is made up here.
    """
    incidents, cases = services.incidents, services.cases
    assert incidents is not None
    assert cases is not None
    opened = incidents.open(decisions=decisions, title=TITLE, actor="ann")
    first = opened.evidence[0]
    case = cases.keep(
        NewCase(
            name=f"{opened.id}.1",
            service=opened.service,
            project=opened.project,
            incident=opened.id,
            decision=first.decision,
            model=Ref.parse(first.model, "model"),
            expectation=Expectation.parse("late < 0.5"),
            subject=first.subject,
            inputs={"distance": 1400.0, "carrier": "EV", "wind_speed": 9.2, "visib": 10.0},
        ),
        actor="ann",
    )
    triage = Triage(
        incident=opened.id,
        at=opened.opened_at,
        by="ann",
        since=first.at - timedelta(days=28),
        until=first.at,
        suspects=SUSPECTS,
        notes=("No other version served before this one.",),
    )
    with services.ledger.write(actor="ann") as tx:
        change(tx, opened.id, "triaged", triage=triage_spec(triage), cases=[case.name])
    reason = "the board shows a range by now"
    lasts = timedelta(days=30)
    cases.waive(case.name, Ref("model", "late", 4), reason=reason, lasts=lasts, actor="bob")
    return opened.id
