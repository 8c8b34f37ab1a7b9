"""What the nodes of a cluster offer, and whether any of them could ever run a task.

Ray queues what no node can run and waits for a node that could, for ever and without a word. So that is
found out before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from towpath.core.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from towpath.build.compute.contract import Resources

_HEAD = "node:__internal_head__"
_KIND = "accelerator_type:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What one node has in all, whether it is free or not.

    Attributes:
        node: Ray's id of the node.
        host: Its address.
        cpus: Cores, as the node declares them: Ray counts, it does not enforce.
        gpus: Accelerators.
        gpu_kinds: Of which kinds, as Ray names them.
        memory_bytes: Memory that tasks may declare.
        is_head: Whether the cluster's own bookkeeping runs on it: if it goes, the cluster goes.
    """

    node: str
    host: str
    cpus: float
    gpus: float = 0
    gpu_kinds: frozenset[str] = frozenset()
    memory_bytes: int = 0
    is_head: bool = False

    def lacks(self, asked: Resources) -> str:
        """Return what this node has too little of for a task; empty if it could run it alone."""
        if asked.cpus > self.cpus:
            return "cpus"
        if asked.gpus > self.gpus:
            return "gpus"
        if asked.gpu_kind is not None and asked.gpu_kind not in self.gpu_kinds:
            return f"gpus of kind {asked.gpu_kind}"
        if asked.memory_bytes is not None and asked.memory_bytes > self.memory_bytes:
            return "memory"
        return ""


def read_offers(nodes: Iterable[Mapping[str, Any]]) -> tuple[Offer, ...]:
    """Read what `ray.nodes()` returns; dead nodes are left out."""
    return tuple(
        Offer(
            node=one["NodeID"],
            host=one["NodeManagerAddress"],
            cpus=one["Resources"].get("CPU", 0.0),
            gpus=one["Resources"].get("GPU", 0.0),
            gpu_kinds=frozenset(
                name.removeprefix(_KIND) for name in one["Resources"] if name.startswith(_KIND)
            ),
            memory_bytes=int(one["Resources"].get("memory", 0.0)),
            is_head=_HEAD in one["Resources"],
        )
        for one in nodes
        if one["Alive"]
    )


def refuse_infeasible(asked: Resources, offers: Sequence[Offer]) -> None:
    """Refuse a task that no node of the cluster, or for a spread one not all together, could run.

    Raises:
        InvalidSetting: With what is asked for, and the most that there is.
    """
    if why := infeasible(asked, offers):
        raise InvalidSetting(
            why,
            remedy="Declare less, or add a node that has it.",
            cpus=asked.cpus,
            gpus=asked.gpus,
            memory_bytes=asked.memory_bytes,
        )


def infeasible(asked: Resources, offers: Sequence[Offer]) -> str:
    """Return why a task could never run, in words for people; empty if it could."""
    shape = _shape(asked)
    if not offers:
        return f"a step asks for {shape} and the cluster has no node"
    if asked.spread:
        return _short_of_all(asked, offers, shape)
    lacking = [one.lacks(asked) for one in offers]
    if not all(lacking):
        return ""
    cpus, gpus = max(one.cpus for one in offers), max(one.gpus for one in offers)
    memory = max(one.memory_bytes for one in offers) / (1 << 30)
    return (
        f"a step asks for {shape} and no node of the cluster has that: of {len(offers)}, the most on "
        f"one is {cpus:g} cpus, {gpus:g} gpus{_kinds(offers)} and {memory:.1f} GiB of memory"
    )


def _short_of_all(asked: Resources, offers: Sequence[Offer], shape: str) -> str:
    cpus, gpus = sum(one.cpus for one in offers), sum(one.gpus for one in offers)
    kinds = frozenset[str]().union(*(one.gpu_kinds for one in offers))
    lacks_kind = asked.gpu_kind is not None and asked.gpu_kind not in kinds
    if asked.cpus <= cpus and asked.gpus <= gpus and not lacks_kind:
        return ""
    return (
        f"a step asks for {shape} and all {len(offers)} nodes of the cluster together have "
        f"{cpus:g} cpus and {gpus:g} gpus{_kinds(offers)}"
    )


def _kinds(offers: Sequence[Offer]) -> str:
    kinds = sorted(frozenset[str]().union(*(one.gpu_kinds for one in offers)))
    return f" ({', '.join(kinds)})" if kinds else ""


def _shape(asked: Resources) -> str:
    parts = [f"{asked.cpus:g} cpus"]
    if asked.gpus or asked.gpu_kind:
        parts.append(
            f"{asked.gpus:g} gpus" + (f" of kind {asked.gpu_kind}" if asked.gpu_kind else "")
        )
    if asked.memory_bytes is not None:
        parts.append(f"{asked.memory_bytes / (1 << 30):.1f} GiB of memory")
    return ", ".join(parts)
