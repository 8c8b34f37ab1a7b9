"""Holds a model's signature to a contract, both ways: what it takes is sent, what is read it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from towpath.core.contracts import Contract, Sent
    from towpath.ledger.records import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about a release that people should know, or that keeps it from going in force.

    Attributes:
        verdict: `refused` keeps the release out; `warning` does not.
        problem: What is wrong, one sentence that names the thing.
        remedy: What would mend it.
        service: The service that it is about.
        model: The model version, `model:late@3`.
        service_version: Whose contract it breaks, `checkout-web@2.4.1`.
        field: The input, output or feature view.
    """

    verdict: Literal["refused", "warning"]
    problem: str
    remedy: str
    service: str | None = None
    model: str | None = None
    service_version: str | None = None
    field: str | None = None


def compare(
    contract: Contract, said: str, model: Version, looked_up: Mapping[str, Sent]
) -> Iterator[Finding]:
    """Yield what of a contract a model version breaks.

    A model without a signature, which only older versions of Towpath wrote, breaks none.

    Args:
        contract: What the consumer needs.
        said: The service version, for the findings.
        model: The model version that shall answer.
        looked_up: Inputs that the gateway adds from features, with their types.
    """
    name = str(model.ref)

    def refused(field: str | None, problem: str, remedy: str) -> Finding:
        return Finding(
            verdict="refused",
            problem=problem,
            remedy=remedy,
            service=contract.service,
            model=name,
            service_version=said,
            field=field,
        )

    number = model.ref.version or 0
    if not contract.allows(number):
        yield refused(
            None,
            f"{said} takes versions {contract.models} of the model behind {contract.service!r}, "
            f"and {name} is none of them",
            "Release a version within the bounds, or a version of the consumer with wider ones.",
        )
    signature = cast("Mapping[str, Any]", model.body.get("signature", {}))
    sent = {**looked_up, **cast("Mapping[str, Sent]", contract.inputs)}
    for column in signature.get("inputs", ()):
        yield from _of_input(column, sent.get(column["name"]), said, name, refused)
    given = {output["name"] for output in signature.get("outputs", ())}
    for output, meaning in contract.outputs.items() if signature else ():
        if output not in given:
            yield refused(
                output,
                f"{said} reads the output {output!r}, which {name} does not give",
                f"It gives {', '.join(sorted(given))}: give the model's output the old name, or "
                f"release a version of the consumer that reads the new one.",
            )
        elif meaning is not None and model.body.get("task", meaning) != meaning:
            yield refused(
                output,
                f"{said} reads the output {output!r} as {meaning!r}, and {name} gives it as "
                f"{model.body['task']!r}",
                "Give an output of another meaning another name.",
            )


def _of_input(
    column: Mapping[str, Any], sent: Sent | None, said: str, model: str, refused: Any
) -> Iterator[Finding]:
    name, taken, nullable = column["name"], column["datatype"], bool(column.get("nullable"))
    if sent is None:
        # A column that may be missing need not be sent as a value, but it has to be there.
        yield refused(
            name,
            f"{model} takes the input {name!r} ({taken}), which {said} does not send",
            "Look it up from features, train without it, or keep that version on the release that "
            f"it is on: --keep {said}.",
        )
    elif not sent.fits(taken):
        yield refused(
            name,
            f"{said} sends {name!r} as {sent.datatype}, and {model} takes {taken}",
            f"Train with a type that holds {sent.datatype}, or release a version of the consumer "
            f"that sends {taken}.",
        )
    elif sent.nullable and not nullable:
        yield refused(
            name,
            f"{said} may leave {name!r} empty, and {model} takes no missing value there",
            f"Train with nullable=[{name!r}], or release a version of the consumer that always "
            "sends it.",
        )
