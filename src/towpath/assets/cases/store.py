"""Regression cases over a ledger, and models asked about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from towpath.assets.cases.asking import judge
from towpath.assets.cases.contract import RegressionCase
from towpath.assets.cases.sealing import KIND, seal, shred, unseal
from towpath.assets.cases.standing import (
    active_cases,
    enter_verdict,
    standing_of,
    verdict_on,
)
from towpath.assets.cases.waivers import KIND as WAIVER
from towpath.assets.cases.waivers import revoke_waiver, sign_waiver, waiver_of, waivers_of
from towpath.assets.models import load_predictor, verify_attestation
from towpath.core.clock import SystemClock
from towpath.core.digests import digest_bytes, digest_json
from towpath.core.errors import Conflict, IntegrityError, NotFound, Withdrawn
from towpath.core.refs import Ref, check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from towpath.assets.cases.contract import (
        CaseState,
        CaseVerdict,
        HeldModel,
        NewCase,
        Waiver,
    )
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Json, Version
    from towpath.storage.blobs.contract import BlobStore
    from towpath.storage.keys import Keyring

_log = structlog.get_logger(__name__)


class LedgerRegressionCases:
    """Implements `RegressionCases`.

    Args:
        ledger: Where cases, verdicts and waivers are.
        blobs: Where models are.
        keyring: Seals cases, signs verdicts and waivers.
        wall: By which waivers are in force.
    """

    def __init__(
        self, ledger: Ledger, blobs: BlobStore, keyring: Keyring, *, wall: Clock | None = None
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._wall = wall or SystemClock()

    def keep(
        self,
        new: NewCase,
        *,
        actor: str,
        against: Sequence[Ref] = (),
        also: Callable[[Transaction], object] | None = None,
    ) -> RegressionCase:
        """Keep a case with what the models `against` make of it; see `RegressionCases.keep`."""
        check_name(new.name, "case")
        judged: list[tuple[Version, CaseVerdict]] = []
        for ref in against:
            model = self._model(ref)
            predictor = load_predictor(model.body["package"], self._blobs)
            judged.append((model, judge(predictor, new.inputs, new.expectation)))
        with self._ledger.read() as tx:
            _require_free(tx, new)
        sealed = seal(new.name, new.inputs, new.expectation, self._keyring)
        body: Json = {
            "service": new.service,
            "incident": new.incident,
            "model": str(new.model),
            "decision": new.decision,
            "subject": new.subject,
            "by": actor,
            "sealed": sealed,
        }
        digest = digest_bytes(sealed.encode())
        with self._ledger.write(actor=actor) as tx:
            _require_free(tx, new)
            tx.versions.declare(KIND, new.name, project=new.project)
            case = tx.versions.commit(KIND, new.name, digest=digest, body=body, state="active")
            tx.graph.link(case.ref, "used", new.model)
            tx.events.append("case.kept", str(case.ref), service=new.service, incident=new.incident)
            for model, verdict in judged:
                enter_verdict(tx, case, model, verdict, self._keyring)
            if also is not None:
                also(tx)
        _log.info("case.kept", case=new.name, service=new.service)
        return self._read(case)

    def list(
        self, service: str | None = None, *, states: Sequence[CaseState] = ("active",)
    ) -> list[RegressionCase]:
        """Return cases; see `RegressionCases.list`."""
        with self._ledger.read() as tx:
            found = tx.versions.list(KIND, states=list(states), limit=None)
        return [self._read(one) for one in found if service in (None, one.body["service"])]

    def get(self, name: str) -> RegressionCase:
        """Return a case; see `RegressionCases.get`."""
        with self._ledger.read() as tx:
            return self._read(_case(tx, name))

    def retire(self, name: str, *, actor: str, reason: str) -> None:
        """Hold nobody to a case any more; see `RegressionCases.retire`."""
        with self._ledger.write(actor=actor) as tx:
            case = _case(tx, name)
            if case.state == "active":
                tx.versions.set_state(case.ref, "retired", reason=reason, expect=["active"])
                tx.events.append("case.retired", str(case.ref), reason=reason)

    def hold(self, service: str, model: Ref) -> tuple[HeldModel, ...]:
        """Ask a model about what it was not asked yet; see `RegressionCases.hold`."""
        with self._ledger.read() as tx:
            cases = active_cases(tx).get(service)
            if not cases:
                return ()
            version = tx.versions.get(model)
            wanted = [one for one in cases if self._verdict(tx, one, version) == "unjudged"]
        judged = self._ask(version, wanted) if wanted else []
        if judged:
            with self._ledger.write(actor="cases") as tx:
                for case, verdict in judged:
                    # Somebody else may have asked meanwhile, or the case may be over.
                    same = tx.versions.get(case.ref).digest == case.digest
                    if same and self._verdict(tx, case, version) == "unjudged":
                        enter_verdict(tx, case, version, verdict, self._keyring)
        with self._ledger.read() as tx:
            return self.standing(tx, service, model)

    def hold_everywhere(self, model: Ref) -> tuple[HeldModel, ...]:
        """Hold a model version to the cases of every service that its model is declared to answer."""
        with self._ledger.read() as tx:
            services = [
                one.name
                for one in tx.intents.list("service", limit=None)
                if one.spec.get("model") == model.name
            ]
        return tuple(held for service in services for held in self.hold(service, model))

    def hold_all(self, models: Mapping[str, Ref]) -> None:
        """Hold models by service; see `RegressionCases.hold_all`."""
        for service, ref in models.items():
            try:
                self.hold(service, ref)
            except (IntegrityError, NotFound) as error:
                _log.warning("cases.not_held", service=service, model=str(ref), why=error.message)

    def standing(self, tx: Transaction, service: str, model: Ref) -> tuple[HeldModel, ...]:
        """Return how a model stands with each case; see `RegressionCases.standing`."""
        return standing_of(
            tx,
            active_cases(tx).get(service, ()),
            tx.versions.get(model),
            now=self._wall.now(),
            public_keys_pem=self._keyring.public_keys_pem,
        )

    def waive(self, case: str, model: Ref, *, reason: str, lasts: timedelta, actor: str) -> Waiver:
        """Sign a waiver; see `RegressionCases.waive`."""
        with self._ledger.write(actor=actor) as tx:
            return sign_waiver(
                tx,
                _case(tx, case),
                tx.versions.get(model),
                reason=reason,
                lasts=lasts,
                by=actor,
                now=self._wall.now(),
                keys=self._keyring,
            )

    def waivers(self, case: str | None = None) -> list[Waiver]:
        """Return waivers; see `RegressionCases.waivers`."""
        keys = self._keyring.public_keys_pem
        with self._ledger.read() as tx:
            return list(waivers_of(tx, case, now=self._wall.now(), public_keys_pem=keys))

    def revoke(self, name: str, *, actor: str) -> Waiver:
        """Take a waiver back; see `RegressionCases.revoke`."""
        keys = self._keyring.public_keys_pem
        with self._ledger.write(actor=actor) as tx:
            if tx.intents.find(WAIVER, name) is None:
                raise NotFound(f"there is no waiver {name!r}", remedy="See: towpath incident cases")
            row = revoke_waiver(tx, name, by=actor)
        return waiver_of(row, now=self._wall.now(), public_keys_pem=keys)

    def about(self, subject_hash: str) -> list[tuple[RegressionCase, Json]]:
        """Return the cases about a subject with their inputs; see `RegressionCases.about`."""
        found: list[tuple[RegressionCase, Json]] = []
        for case in self._about(subject_hash):
            opened = unseal(case.ref.name, case.body["sealed"], self._keyring)
            inputs = {} if opened is None else dict(opened.inputs)
            found.append((self._read(case), inputs))
        return found

    def erase(self, subject_hash: str) -> int:
        """Destroy what cases hold of a subject; see `RegressionCases.erase`."""
        mine = self._about(subject_hash)
        for case in mine:
            shred(case.ref.name, self._keyring)
        with self._ledger.write(actor="erasure") as tx:
            for case in mine:
                kept = {key: case.body[key] for key in ("service", "incident", "model", "by")}
                tx.versions.revise(case.ref, digest=digest_json(kept), body=kept, reason="erasure")
                tx.versions.set_state(case.ref, "erased", reason="erasure")
                tx.intents.delete(KIND, case.ref.name)
                tx.events.append("case.erased", str(case.ref), service=kept["service"])
        return len(mine)

    def _about(self, subject_hash: str) -> list[Version]:
        """Return cases in any state that hold something of a subject."""
        with self._ledger.read() as tx:
            found = tx.versions.list(KIND, states=["active", "retired"], limit=None)
        return [one for one in found if one.body["subject"] == subject_hash]

    def _verdict(self, tx: Transaction, case: Version, model: Version) -> CaseVerdict:
        return verdict_on(tx, case, model.body["package"], self._keyring.public_keys_pem)

    def _model(self, ref: Ref) -> Version:
        with self._ledger.read() as tx:
            version = tx.versions.get(ref)
        verify_attestation(version, self._keyring.public_keys_pem)
        return version

    def _ask(self, model: Version, cases: Sequence[Version]) -> list[tuple[Version, CaseVerdict]]:
        verify_attestation(model, self._keyring.public_keys_pem)
        predictor = load_predictor(model.body["package"], self._blobs)
        judged: list[tuple[Version, CaseVerdict]] = []
        for case in cases:
            opened = unseal(case.ref.name, case.body["sealed"], self._keyring)
            if opened is None:  # an erasure is under way
                continue
            judged.append((case, judge(predictor, opened.inputs, opened.expectation)))
        _log.info("cases.judged", model=str(model.ref), cases=len(judged))
        return judged

    def _read(self, case: Version) -> RegressionCase:
        body = case.body
        sealed: Any = body.get("sealed")
        opened = None if sealed is None else unseal(case.ref.name, sealed, self._keyring)
        state: CaseState = "erased" if opened is None else case.state  # pyright: ignore[reportAssignmentType] -- the states that this store gives
        return RegressionCase(
            name=case.ref.name,
            service=body["service"],
            incident=body["incident"],
            decision=None if opened is None else body["decision"],
            model=body["model"],
            expectation=None if opened is None else opened.expectation,
            subject=None if opened is None else body["subject"],
            state=state,
            by=body["by"],
            at=case.created_at,
        )


def _case(tx: Transaction, name: str) -> Version:
    found = tx.versions.latest(KIND, name)
    if found is None:
        known = [one.ref.name for one in tx.versions.list(KIND)]
        raise NotFound.named("regression case", name, known)
    return found


def _require_free(tx: Transaction, new: NewCase) -> None:
    """Refuse a name that is taken, and a subject who has withdrawn.

    An erasure puts its subject on the list before it looks for cases: so a case either is there by
    then, and it is found, or comes afterwards, and is refused here.
    """
    if tx.versions.latest(KIND, new.name) is not None:
        raise Conflict(
            f"there is a regression case {new.name!r} already", remedy="Choose another name."
        )
    if new.subject is not None and tx.withdrawals.among([new.subject]):
        raise Withdrawn(
            "the subject of this decision has withdrawn",
            remedy="Nothing of it may be kept. Keep another decision that shows the same.",
        )


__all__ = ["LedgerRegressionCases"]
