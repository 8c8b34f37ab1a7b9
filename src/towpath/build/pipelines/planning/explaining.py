"""What a run would do, and why, without doing any of it: which steps are hits, and what made one stale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from towpath.build.pipelines.authoring.branching import same
from towpath.build.pipelines.authoring.graphs import BranchNode, DriverNode, needs
from towpath.build.pipelines.formats import missing_blobs
from towpath.build.pipelines.keys import ASKED_ANEW, explain_miss
from towpath.build.pipelines.planning.calls import made_by
from towpath.build.pipelines.planning.planning import Keys, gather
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.build.pipelines.authoring.graphs import AnyNode, Node
    from towpath.build.pipelines.contract import Artifact
    from towpath.build.pipelines.keys import StepKey
    from towpath.build.pipelines.planning.planning import Plan
    from towpath.ledger import Ledger
    from towpath.ledger.records import Execution
    from towpath.storage.blobs import BlobStore

Expectation = Literal["hit", "run", "depends", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepForecast:
    """What would become of one node.

    Attributes:
        expected: `hit`: its result is in the cache. `run`: it would be executed. `depends`: it reads
            what is not there yet, and is a hit only if that comes out as it did before. `skipped`: its
            branch is not taken.
        why: What made it stale, or what it depends on.
    """

    name: str
    expected: Expectation
    why: str


class Forecaster:
    """Goes through a plan in order of dependence, with what the cache holds. Used once.

    Reads the ledger in one snapshot and looks at the blob store; writes nothing.

    Args:
        plan: What would be done.
        ledger: Where the cache is.
        blobs: Where results are.
    """

    def __init__(self, plan: Plan, ledger: Ledger, blobs: BlobStore) -> None:
        self._plan = plan
        self._ledger = ledger
        self._blobs = blobs
        self._keys = Keys(plan)
        self._made: dict[str, tuple[Artifact, ...]] = {}
        self._chosen: dict[str, int] = {}
        self._skipped: set[str] = set()
        self._last: Mapping[str, Execution] = {}

    def forecast(self, *, project: str, pipeline: str) -> tuple[StepForecast, ...]:
        """Say of each node what would become of it, in the order of the calls.

        Raises:
            InvalidProject: A step's code or files can't be read.
        """
        with self._ledger.read() as tx:
            runs = tx.runs.list(project=project, kind="pipeline", name=pipeline, limit=1)
            self._last = tx.cache.look_ahead(runs[0].id) if runs else {}
        return tuple(self._of(node) for node in self._plan.graph.nodes)

    def _of(self, node: AnyNode) -> StepForecast:
        for guard in node.guards:
            case = self._chosen.get(guard.branch)
            if guard.branch in self._skipped or (case is not None and case != guard.case):
                self._skipped.add(node.name)
                return _told(node, "skipped", "its branch is not taken")
        missing = sorted(needs(node) - self._made.keys() - self._skipped)
        open_branches = [g.branch for g in node.guards if g.branch not in self._chosen]
        if isinstance(node, BranchNode):
            return self._branch(node)
        if open_branches:
            return _told(node, "depends", f"on which way {open_branches[0]!r} goes")
        if isinstance(node, DriverNode):
            return _told(node, "depends", "on what it decides while it runs, call by call")
        if missing:
            return self._behind(node, missing)
        return self._step(node)

    def _step(self, node: Node) -> StepForecast:
        inputs = {name: gather(one, self._plan, self._made) for name, one in node.inputs.items()}
        key = self._keys.of(node.step, node.constants, inputs)
        if not node.step.options.cache:
            return _told(node, "run", "it is never cached")
        with self._ledger.read() as tx:
            found = tx.cache.look(key.digest)
            last = self._last.get(node.name) or tx.cache.last(node.step.path)
        if node.name in self._plan.anew:
            return _told(node, "run", ASKED_ANEW)
        if found is not None:
            made = made_by(found).artifacts
            if not any(missing_blobs(one, self._blobs) for one in made):
                self._made[node.name] = made
                return _told(node, "hit", "")
        return _told(node, "run", _why(key, last, inputs))

    def _behind(self, node: Node, missing: list[str]) -> StepForecast:
        """Say what can be said of a node that reads what is not there yet: what of its own is new."""
        if node.name in self._plan.anew:
            return _told(node, "run", ASKED_ANEW)
        if not node.step.options.cache:
            return _told(node, "run", "it is never cached")
        with self._ledger.read() as tx:
            last = self._last.get(node.name) or tx.cache.last(node.step.path)
        behind = f"on what {', '.join(missing)} will give"
        if last is None:
            return _told(node, "run", "it has never run")
        own = self._keys.of(node.step, node.constants, {})
        before = {name: text for name, text in last.parts.items() if not name.startswith("input:")}
        if own.parts != before:
            return _told(node, "run", explain_miss(own.parts, replace(last, parts=before)))
        return _told(node, "depends", behind)

    def _branch(self, node: BranchNode) -> StepForecast:
        test = self._made.get(node.test.node)
        if test is None:
            return _told(node, "depends", f"on what {node.test.node} will give")
        value: Any = msgspec.json.decode(self._blobs.get(test[node.test.index].digest))
        for place, case in enumerate(node.cases):
            otherwise = case is None and place == len(node.cases) - 1 and place > 0
            if otherwise or same(case, value):
                self._chosen[node.name] = place
                break
        result = None if node.results is None else node.results[self._chosen.get(node.name, 0)]
        if result is not None and needs(node) - self._made.keys() - self._skipped == set():
            found = gather(result, self._plan, self._made)
            self._made[node.name] = (found,) if not isinstance(found, list) else tuple(found)
        return _told(node, "hit", "")


def _told(node: AnyNode, expected: Expectation, why: str) -> StepForecast:
    return StepForecast(name=node.name, expected=expected, why=why)


def _why(
    key: StepKey, last: Execution | None, inputs: Mapping[str, Artifact | list[Artifact]]
) -> str:
    """Say what changed, and for inputs that are versions of data which ones."""
    why = explain_miss(key.parts, last)
    if last is None:
        return why
    before = {
        ref.name: ref
        for one in last.outputs.get("sources", ())
        if (ref := Ref.parse(one["ref"])).version is not None
    }
    for name, one in inputs.items():
        part = f"input:{name}"
        if isinstance(one, list) or "ref" not in one.meta or part not in last.parts:
            continue
        now = Ref.parse(one.meta["ref"])
        if last.parts[part] == key.parts[part] or now.name not in before:
            continue
        then = before[now.name]
        moved = f"{then} → {now}" if then != now else f"other rows of {now}"
        why = why.replace(f"input {name}", f"input {name} ({moved})")
    return why


__all__ = ["Expectation", "Forecaster", "StepForecast"]
