"""Takes releases from beside the default once nobody asks for them any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import structlog

from towpath.core.clock import parse_time
from towpath.core.contracts import ServiceVersion
from towpath.core.refs import Ref
from towpath.operate.releases.pins import Pins
from towpath.operate.releases.routes import LINES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Intent
    from towpath.operate.releases.contract import Releases
    from towpath.operate.releases.route import Line

_LOOK_AGAIN_S = 1.0
_log = structlog.get_logger(__name__)


class LineReconciler:
    """Reconciles intents of kind `release_lines`: one for each environment that has such releases.

    Gateways say with each heartbeat who asked, and when; what they said is kept here, since a gateway
    may be gone by the time that it counts. By wall time, like the callers. A release whose model an
    erasure condemned goes too, as soon as what its service versions need is what the default gives.
    """

    kinds: tuple[str, ...] = (LINES,)

    def __init__(self, ledger: Ledger, releases: Releases) -> None:
        self._ledger = ledger
        self._releases = releases

    def reconcile(self, held: Intent) -> None:
        """Compare who asked with how long each may stay."""
        environment, now = held.name, datetime.now(UTC)
        with self._ledger.write(actor="releases") as tx:
            lines = self._releases.route(tx, environment).lines
            asked = _asked(tx, environment, held.status.get("asked", {}))
            for line in lines:
                reason = self._reason(tx, environment, line, asked, now)
                if reason is not None:
                    self._releases.drain(tx, environment, line.release, reason=reason)
                    _log.info("release.drained", release=line.release, reason=reason)
            said = {one for line in lines for one in line.service_versions}
            status = {"asked": {one: at for one, at in asked.items() if one in said}}
            due_in_s = _LOOK_AGAIN_S if lines else None
            tx.intents.advance(held, phase="watching", status=status, due_in_s=due_in_s)

    def _reason(
        self, tx: Transaction, environment: str, line: Line, asked: Mapping[str, str], now: datetime
    ) -> str | None:
        """Say why a release may go; None if it may not."""
        last = max([line.since, *(asked[one] for one in line.service_versions if one in asked)])
        if now - parse_time(last) > timedelta(seconds=line.drain_s):
            return f"nobody asked since {last}"
        condemned = [
            arm.model
            for share in line.services.values()
            for arm in share.arms
            if tx.versions.get(Ref.parse(arm.model)).state != "approved"
        ]
        if not condemned:
            return None
        models = self._releases.pins(tx, environment).models
        said = frozenset(ServiceVersion.parse(one) for one in line.service_versions)
        moved = Pins(models=models, service_versions=said)
        findings = self._releases.check(tx, environment, moved).refusals
        if any(one.service_version is not None for one in findings):
            return None
        return f"{condemned[0]} has to go, and the default answers its callers as well"


def _asked(tx: Transaction, environment: str, before: Mapping[str, str]) -> dict[str, str]:
    """Return when each service version asked last, by all that gateways ever said."""
    asked = dict(before)
    for row in tx.intents.list("gateway", limit=None):
        if row.spec.get("environment") != environment:
            continue
        for said, at in cast("Mapping[str, str]", row.status.get("asked", {})).items():
            asked[said] = max(at, asked.get(said, ""))
    return asked
