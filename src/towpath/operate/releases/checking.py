"""Whether a release may go in force: contracts, models, cases and features, looked at together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from towpath.assets.cases import HeldModel, active_cases, standing_of
from towpath.assets.models.attestation import verify_attestation
from towpath.core.clock import SystemClock, parse_time
from towpath.core.contracts import Sent, ServiceVersion
from towpath.core.errors import GateRefused, IntegrityError, NotFound
from towpath.operate.releases.case_findings import case_findings
from towpath.operate.releases.compatibility import Finding, compare
from towpath.operate.releases.consumer import consumer_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from towpath.core.clock import Clock
    from towpath.core.refs import Ref
    from towpath.ledger.contract import Transaction
    from towpath.ledger.records import Version
    from towpath.operate.releases.compatibility import Verdict
    from towpath.operate.releases.consumer import Consumer
    from towpath.storage.keys import Keyring

# What `assets.features` calls its rows. Not imported: every gateway would load the tables with it.
_SERVICE, _VIEW, _VIEW_INTENT = "feature_service", "features", "feature_view"
_DATATYPES = {"string": "BYTES", "int64": "INT64", "float64": "FP64", "bool": "BOOL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseCheck:
    """What was found out about a release before it goes in force.

    Attributes:
        environment: Where it would go.
        models: The model version of each service.
        service_versions: The versions of consumers that it was held to.
        features: The feature services and views that their contracts look up, with versions.
        cases: By service, how its model stands with each of the service's regression cases.
        findings: What speaks against it, and what people should know; the former first.
    """

    environment: str
    models: Mapping[str, str]
    service_versions: tuple[str, ...]
    features: tuple[str, ...] = ()
    cases: Mapping[str, tuple[HeldModel, ...]] = field(
        default_factory=dict[str, tuple[HeldModel, ...]]
    )
    findings: tuple[Finding, ...] = field(default=())

    @property
    def passes(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What speaks against it."""
        return tuple(one for one in self.findings if one.verdict == "refused")

    def verdict_on(self, service_version: str, service: str) -> str:
        """Return `refused`, `warning` or `ok` for one pair: a cell of the matrix."""
        verdicts = {
            one.verdict
            for one in self.findings
            if one.service == service and one.service_version in (None, service_version)
        }
        return next((one for one in ("refused", "warning") if one in verdicts), "ok")

    def about(self, service: str) -> ReleaseCheck:
        """Return what was found out about one service alone."""
        return replace(self, findings=tuple(one for one in self.findings if one.service == service))

    def of_cases(self) -> ReleaseCheck:
        """Return what was found out about regression cases alone."""
        return replace(self, findings=tuple(one for one in self.findings if one.case is not None))

    def demand(self) -> None:
        """Refuse the release unless it passes.

        Raises:
            GateRefused: It does not; names every finding, service, model and field.
        """
        refusals = self.refusals
        if not refusals:
            return
        lines = "".join(f"\n  - {one.problem}. {one.remedy}" for one in refusals)
        raise GateRefused(
            f"the release can't go to {self.environment!r}, and nothing was changed:{lines}",
            findings=[
                {
                    "problem": one.problem,
                    "remedy": one.remedy,
                    "service": one.service,
                    "model": one.model,
                    "service_version": one.service_version,
                    "field": one.field,
                    "case": one.case,
                }
                for one in refusals
            ],
        )


class ReleaseChecker:
    """Checks releases within the caller's transaction. Reads the ledger alone: milliseconds.

    Args:
        keyring: Models must carry a signature of its keys; None: signatures are not looked at.
        clock: Event time, for the freshness of features; None: it is not looked at.
        wall: Wall time, by which waivers of regression cases are in force.
    """

    def __init__(
        self,
        keyring: Keyring | None = None,
        clock: Clock | None = None,
        *,
        wall: Clock | None = None,
    ) -> None:
        self._keyring = keyring
        self._clock = clock
        self._wall = wall or SystemClock()

    def check(
        self,
        tx: Transaction,
        environment: str,
        models: Mapping[str, Ref],
        service_versions: Sequence[ServiceVersion],
        *,
        serving: Mapping[str, Ref] | None = None,
        in_force: Collection[ServiceVersion] = (),
    ) -> ReleaseCheck:
        """Hold models, by service, to the contracts of service versions, and to what all must meet.

        What is wrong with the model that a service has by `serving` itself is a warning: it answers
        there already, and an erasure that condemned it must not keep another's replacement from going in
        force. Serving another service excuses nothing: that has its own cases. Nor must a
        feed that is late: features that have grown stale are a warning for whoever is `in_force`
        already, who would look up the same rows on the release before. What is pushed between two
        materialisations is not known here.

        Raises:
            NotFound: A model or a service version was never registered.
        """
        findings: list[Finding] = []
        found: dict[str, Version] = {}
        held: dict[str, tuple[HeldModel, ...]] = {}
        cases = active_cases(tx)
        for service, ref in models.items():
            found[service] = tx.versions.get(ref)
            answers = serving is not None and serving.get(service) == ref
            verdict: Verdict = "warning" if answers else "refused"
            findings += self._of_model(service, found[service], verdict)
            held[service] = self._held(tx, cases.get(service, ()), found[service])
            findings += case_findings(service, held[service], verdict)
        features: dict[str, None] = {}
        for said in service_versions:
            _, consumer = consumer_of(tx, said)
            stale: Verdict = "warning" if said in in_force else "refused"
            findings += self._of_consumer(tx, str(said), consumer, found, features, stale=stale)
        findings.sort(key=lambda one: one.verdict != "refused")
        return ReleaseCheck(
            environment=environment,
            models={service: str(ref) for service, ref in models.items()},
            service_versions=tuple(sorted(str(one) for one in service_versions)),
            features=tuple(features),
            cases={service: cases for service, cases in held.items() if cases},
            findings=tuple(dict.fromkeys(findings)),
        )

    def _held(
        self, tx: Transaction, cases: Sequence[Version], model: Version
    ) -> tuple[HeldModel, ...]:
        """Return how a model stands with regression cases of its service: looked up, never computed."""
        keys = None if self._keyring is None else self._keyring.public_keys_pem
        return standing_of(tx, cases, model, now=self._wall.now(), public_keys_pem=keys)

    def _of_model(self, service: str, model: Version, verdict: Verdict) -> Iterator[Finding]:
        name = str(model.ref)
        if model.state != "approved":
            yield Finding(
                verdict=verdict,
                problem=f"{name} is {model.state}, not approved",
                remedy=f"See its gates: towpath model show {name.partition(':')[2]}.",
                service=service,
                model=name,
            )
        if self._keyring is None:
            return
        try:
            verify_attestation(model, self._keyring.public_keys_pem)
        except IntegrityError as error:
            yield Finding(
                verdict=verdict,
                problem=error.message,
                remedy=error.remedy or "Register it again with this home's key.",
                service=service,
                model=name,
            )

    def _of_consumer(
        self,
        tx: Transaction,
        said: str,
        consumer: Consumer,
        models: Mapping[str, Version],
        features: dict[str, None],
        *,
        stale: Verdict,
    ) -> Iterator[Finding]:
        for contract in consumer.contracts:
            model = models.get(contract.service)
            if model is None:
                yield Finding(
                    verdict="refused",
                    problem=f"{said} asks the service {contract.service!r}, "
                    "which the release does not have",
                    remedy="Apply the project that declares it, and wait for its first approved "
                    "model; or release without that version of the consumer.",
                    service=contract.service,
                    service_version=said,
                )
                continue
            looked_up: dict[str, Sent] = {}
            for name in contract.features:
                finding, columns = self._look(
                    tx, name, contract.service, said, features, stale=stale
                )
                yield from finding
                looked_up |= columns
            yield from compare(contract, said, model, looked_up)

    def _look(
        self,
        tx: Transaction,
        name: str,
        service: str,
        said: str,
        features: dict[str, None],
        *,
        stale: Verdict,
    ) -> tuple[list[Finding], dict[str, Sent]]:
        """Return what is wrong with features that a contract looks up, and the columns they give."""
        try:
            version, columns, views = _features(tx, name)
        except NotFound as error:
            missing = Finding(
                verdict="refused",
                problem=f"{said} looks up the features {name!r}, which do not exist",
                remedy=error.remedy or "Declare them and apply the project.",
                service=service,
                service_version=said,
                field=name,
            )
            return [missing], {}
        features[str(version.ref)] = None
        findings: list[Finding] = []
        for view in views:
            found = self._of_view(tx, view, stale)
            if found is not None:
                findings.append(
                    Finding(
                        verdict=found[0],
                        problem=f"the feature view {view!r}, which {said} looks up, {found[1]}",
                        remedy=found[2],
                        service=service,
                        service_version=said,
                        field=view,
                    )
                )
        sent = {
            column["name"]: Sent(_DATATYPES[column["type"]], nullable=bool(column["nullable"]))
            for column in columns
            if column["type"] in _DATATYPES
        }
        return findings, sent

    def _of_view(
        self, tx: Transaction, view: str, stale: Verdict
    ) -> tuple[Verdict, str, str] | None:
        """Say what is wrong with a view online, and what would mend it; None if nothing is."""
        row = tx.intents.find(_VIEW_INTENT, view)
        if row is None or not row.spec.get("wanted", True):
            remedy = "Declare it with online=True and apply the project."
            return "refused", "is not online", remedy
        if not row.status.get("ref"):
            why = row.status.get("why") or "no worker has got to it"
            remedy = f"Run: towpath feature materialize {view}"
            return "refused", f"was never materialised: {why}", remedy
        ttl_s, at = row.spec.get("ttl_s"), row.status.get("at")
        if ttl_s is None or not at or self._clock is None:
            return None
        age = self._clock.now() - parse_time(at)
        if age <= timedelta(seconds=ttl_s):
            return None
        return (
            stale,
            f"is stale: it reaches {at}, longer ago than its time to live ({ttl_s:g} s)",
            f"Bring its source up to date, then: towpath feature materialize {view}",
        )


def _features(tx: Transaction, name: str) -> tuple[Version, list[dict[str, Any]], list[str]]:
    """Return a feature service's or view's version, its columns, and the views behind it.

    Raises:
        NotFound: There is neither.
    """
    service = tx.versions.latest(_SERVICE, name)
    if service is not None:
        lookups = cast("list[dict[str, Any]]", service.body["lookups"])
        views = list(dict.fromkeys(str(one["view"]) for one in lookups))
        return service, service.body["features"], views
    view = tx.versions.latest(_VIEW, name)
    if view is None:
        known = [one.ref.name for kind in (_SERVICE, _VIEW) for one in tx.versions.list(kind)]
        raise NotFound.named("feature service or view", name, known)
    return view, view.body["declared"]["features"], [name]
