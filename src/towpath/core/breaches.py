"""What of a contract a model breaks: held by releases before a switch, and by programs when they start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from towpath.core.contracts import Contract, Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One thing in which a model is not what a contract needs.

    Attributes:
        field: The input or output; None where it is the model's version.
        problem: What is wrong, one sentence.
        remedy: What would mend it.
    """

    field: str | None
    problem: str
    remedy: str


def breaches(
    contract: Contract,
    *,
    said: str,
    model: str,
    signature: Mapping[str, Any],
    task: str | None = None,
    looked_up: Mapping[str, Sent] | None = None,
) -> Iterator[Breach]:
    """Yield what of a contract a model version breaks, both ways: what it takes, and what it gives.

    Args:
        contract: What the consumer needs.
        said: The service version, for the words.
        model: The model version, `model:late@3`.
        signature: Its `inputs` and `outputs`, as model metadata has them; empty breaks nothing.
        task: What its answer means, if that is known.
        looked_up: Inputs that the gateway adds from features.
    """
    number = model.rpartition("@")[2]
    if number.isdecimal() and not contract.allows(int(number)):
        yield Breach(
            field=None,
            problem=f"{said} takes versions {contract.models} of the model behind "
            f"{contract.service!r}, and {model} is none of them",
            remedy="Release a version within the bounds, or a version of the program with wider ones.",
        )
    sent = {**(looked_up or {}), **cast("Mapping[str, Sent]", contract.inputs)}
    for column in signature.get("inputs", ()):
        yield from _of_input(column, sent.get(column["name"]), said, model)
    given = {output["name"] for output in signature.get("outputs", ())}
    for output, meaning in contract.outputs.items() if signature else ():
        if output not in given:
            yield Breach(
                field=output,
                problem=f"{said} reads the output {output!r}, which {model} does not give",
                remedy=f"It gives {', '.join(sorted(given))}: give the model's output the old name, "
                "or release a version of the program that reads the new one.",
            )
        elif None not in (meaning, task) and meaning != task:
            yield Breach(
                field=output,
                problem=f"{said} reads the output {output!r} as {meaning!r}, and {model} gives it as "
                f"{task!r}",
                remedy="Give an output of another meaning another name.",
            )


def _of_input(
    column: Mapping[str, Any], sent: Sent | None, said: str, model: str
) -> Iterator[Breach]:
    name, taken, nullable = column["name"], column["datatype"], bool(column.get("nullable"))
    if sent is None:
        # A value may be missing from a nullable column, but the column has to be there.
        yield Breach(
            field=name,
            problem=f"{model} takes the input {name!r} ({taken}), which {said} does not send",
            remedy="Look it up from features, train without it, or keep that version on the release "
            f"that it is on: --keep {said}.",
        )
    elif not sent.fits(taken):
        yield Breach(
            field=name,
            problem=f"{said} sends {name!r} as {sent.datatype}, and {model} takes {taken}",
            remedy=f"Train with a type that holds {sent.datatype}, or release a version of the "
            f"program that sends {taken}.",
        )
    elif sent.nullable and not nullable:
        yield Breach(
            field=name,
            problem=f"{said} may leave {name!r} empty, and {model} takes no missing value there",
            remedy=f"Train with nullable=[{name!r}], or release a version of the program that always "
            "sends it.",
        )
