"""A recorded decision, with the model version that made it: what replays and explanations begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from towpath.core.errors import NotFound
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Json, Version
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.decisions.records import Decision

DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A decision and what made it.

    Attributes:
        version: The model version, as the ledger has it now.
        service: What the service's declaration says now; None where it is declared no more.
    """

    decision: Decision
    version: Version
    service: Json | None

    @property
    def names(self) -> tuple[str, ...]:
        """The model's inputs, in its order."""
        return tuple(one["name"] for one in self.version.body["signature"]["inputs"])

    @property
    def lost(self) -> tuple[str, ...]:
        """Inputs that are not what the model saw: dropped, hashed or coarsened when they were written."""
        redacts = set[str]()
        if self.service is not None and self.service.get("logging"):
            redacts = set(self.service["logging"].get("redact") or ())
        return tuple(
            name for name in self.names if name not in self.decision.inputs or name in redacts
        )

    @property
    def columns(self) -> dict[str, list[Any]]:
        """The inputs as a request of one row would bring them."""
        return {name: [self.decision.inputs[name]] for name in self.names}


def find_recorded(ledger: Ledger, decisions: DecisionLog, decision_id: str) -> Recorded:
    """Return a decision with its model version.

    Raises:
        NotFound: The log does not hold it.
    """
    decision = decisions.find(decision_id)
    if decision is None:
        raise NotFound(
            f"the log holds no decision {decision_id[:64]!r}",
            remedy="Check the id as the gateway answered it. A service may record a sample, or keep "
            "decisions for so long; those of a subject who has withdrawn are erased.",
            kind="decision",
        )
    return with_version(ledger, decision)


def with_version(ledger: Ledger, decision: Decision) -> Recorded:
    """Return a decision that was read already with its model version."""
    with ledger.read() as tx:
        version = tx.versions.get(Ref.parse(decision.model, "model"))
        declared = tx.intents.find("service", decision.service)
    return Recorded(
        decision=decision, version=version, service=None if declared is None else declared.spec
    )
