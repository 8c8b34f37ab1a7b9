"""What is found out about a release: one finding for each thing that people should know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from towpath.core.breaches import breaches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from towpath.core.contracts import Contract, Sent
    from towpath.ledger.records import Version


Verdict = Literal["refused", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that speaks against a release, or that people should know of it.

    Attributes:
        verdict: `refused` keeps the release out; `warning` does not.
        problem: What is wrong, one sentence that names the thing.
        remedy: What would mend it.
        service: The service that it is about.
        model: The model version, `model:late@3`.
        service_version: Whose contract it breaks, `checkout-web@2.4.1`.
        field: The input, output or feature view.
        case: The regression case that the model does not pass.
    """

    verdict: Verdict
    problem: str
    remedy: str
    service: str | None = None
    model: str | None = None
    service_version: str | None = None
    field: str | None = None
    case: str | None = None


def compare(
    contract: Contract, said: str, model: Version, looked_up: Mapping[str, Sent]
) -> Iterator[Finding]:
    """Yield what of a service version's contract a model version breaks.

    Inputs in `looked_up` are added by the gateway from features. A model without a signature, which
    only older versions of Towpath wrote, breaks nothing.
    """
    for breach in breaches(
        contract,
        said=said,
        model=str(model.ref),
        signature=model.body.get("signature", {}),
        task=model.body.get("task"),
        looked_up=looked_up,
    ):
        yield Finding(
            verdict="refused",
            problem=breach.problem,
            remedy=breach.remedy,
            service=contract.service,
            model=str(model.ref),
            service_version=said,
            field=breach.field,
        )
