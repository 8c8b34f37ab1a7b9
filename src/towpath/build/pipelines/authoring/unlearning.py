"""What a candidate says of withdrawals, held against its own graph when that is built.

Nothing is taken at its word: an erasure spares a step if the files that it read are unchanged, and certifies
nothing but recipes that ran again, whatever was declared. The declaration is for the author. Who says `sisa`
and later computes a scaler over everybody is told so then, not by the bill for the first withdrawal.
"""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Literal, TypeAlias

from towpath.assets.datasets import Selection
from towpath.build.pipelines.authoring.graphs import Node, needs, parts_of
from towpath.build.pipelines.formats import format_of
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from towpath.build.pipelines.authoring.graphs import AnyNode

Unlearning: TypeAlias = Literal["retrain", "sisa", "downdate"]
"""How a model forgets: trained again on all that is left; or so, but for the shards that nobody left (SISA);
or from exact sums of which one shard's are counted again."""

_KNOWN = typing.get_args(Unlearning)


def check_unlearning(candidate: str, asked: str, model: str, nodes: Mapping[str, AnyNode]) -> None:
    """Check that a model is made in the way that is declared.

    Args:
        candidate: Its name, for messages.
        asked: What is declared.
        model: Name of the node that makes it.
        nodes: All nodes, by name.

    Raises:
        InvalidProject: It is none of the ways there are, or the model is not made so.
    """
    if asked not in _KNOWN:
        raise InvalidProject(
            f"candidate {candidate!r} declares unlearning={asked!r}, which is never certified as erasure",
            remedy=f"Declare one of {', '.join(_KNOWN)}. Weights that were moved to about where they "
            "would be without somebody's rows still derive from those rows.",
        )
    if asked == "retrain":
        return
    readers = [(node, tuple(_shards(node))) for node in _makers(model, nodes) if _reads(node)]
    if not readers:
        _refuse(candidate, asked, "no step that makes it reads a shard of subjects")
    for node, shards in readers:
        if None in shards:
            _refuse(candidate, asked, f"the step {node.name!r} reads a data set whole")
        if len(set(shards)) > 1:
            _refuse(candidate, asked, f"the step {node.name!r} reads several shards at once")
        if asked == "downdate" and not _counts(node):
            _refuse(candidate, asked, f"the step {node.name!r} returns no tp.Moments")
    if len({shard for _, shards in readers for shard in shards}) == 1:
        _refuse(candidate, asked, "all of it is one shard")


def _refuse(candidate: str, asked: str, why: str) -> typing.NoReturn:
    step = "return the tp.Moments of" if asked == "downdate" else "learn from"
    raise InvalidProject(
        f"candidate {candidate!r} declares unlearning={asked!r}, but {why}",
        remedy=f"Let each step {step} one shard, dataset.shard(k, of=n), and another put the results "
        "together; or declare unlearning='retrain'.",
    )


def _makers(model: str, nodes: Mapping[str, AnyNode]) -> Iterator[AnyNode]:
    """Yield every node that goes into a model, in the order of the graph."""
    wanted, queue = {model}, [model]
    while queue:
        new = needs(nodes[queue.pop()]) - wanted
        wanted |= new
        queue += new
    return (node for name, node in nodes.items() if name in wanted)


def _selections(node: AnyNode) -> Iterable[Selection]:
    """Yield what a node reads of data sets that are about somebody."""
    for one in node.inputs.values():
        for part in parts_of(one):
            if isinstance(part, Selection) and part.dataset.subject is not None:
                yield part


def _reads(node: AnyNode) -> bool:
    return any(True for _ in _selections(node))


def _shards(node: AnyNode) -> Iterator[tuple[int, int] | None]:
    return (one.part for one in _selections(node))


def _counts(node: AnyNode) -> bool:
    return isinstance(node, Node) and format_of(node.step.types["return"]).name == "moments"
