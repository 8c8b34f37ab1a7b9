"""From a pipeline and its parameters to a plan: a graph whose data are pinned to versions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import towpath.build.pipelines.authoring.tables as own_steps
from towpath.assets.features import Observations
from towpath.build.pipelines.authoring.driving import EVERY
from towpath.build.pipelines.authoring.finetuning import Registered
from towpath.build.pipelines.authoring.handles import Output
from towpath.build.pipelines.formats import (
    format_of,
    many_of,
    observation_artifact,
    outputs_of,
    selection_artifact,
    spell,
)
from towpath.build.pipelines.keys import (
    SourceTree,
    StepKey,
    call_key,
    code_parts,
    imported_libraries,
    step_parts,
)
from towpath.build.pipelines.planning.choosing import Part, choose
from towpath.build.pipelines.working.worker import code_paths
from towpath.core.digests import digest_file
from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from towpath.assets.datasets import DatasetStore, Selection
    from towpath.assets.features import FeatureStore
    from towpath.build.pipelines.authoring.finetuning import Bases
    from towpath.build.pipelines.authoring.graphs import Graph, Input, Source
    from towpath.build.pipelines.authoring.pipeline import Pipeline
    from towpath.build.pipelines.authoring.steps import Step
    from towpath.build.pipelines.contract import Artifact
    from towpath.core.refs import Ref

_OWN_MODULE = own_steps.__name__
_OWN_REACH = (
    _OWN_MODULE,
    "towpath.assets.features",
    "towpath.assets.datasets.splits",
    "towpath.assets.windows",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will do, decided before it starts.

    Attributes:
        graph: The calls.
        params: The pipeline's parameters, defaults filled in.
        pinned: The artefact of each selection and of each registered model.
        datasets: Every data-set version that is read, sorted.
        features: Every version of a feature view whose layout is read, sorted.
        pins: Data sets (and, as `model:NAME`, models) that were read at the version given or the
            latest one, to that version.
        source: Folder that holds the project's code.
        lock: Digest of the installed distributions.
        anew: Nodes that are executed although their results may be in the cache.
        from_cache: Nodes whose results must be in the cache, or the run is refused.
    """

    graph: Graph
    params: Mapping[str, Any]
    pinned: Mapping[str, Artifact]
    datasets: tuple[Ref, ...]
    features: tuple[Ref, ...]
    pins: Mapping[str, int]
    source: Path
    lock: str
    anew: frozenset[str] = frozenset()
    from_cache: frozenset[str] = frozenset()

    def selection(self, selection: Selection | Registered) -> Artifact:
        """Return the artefact of a selection, or of a registered model."""
        return self.pinned[_name(selection)]


def make_plan(
    pipeline: Pipeline,
    datasets: DatasetStore,
    features: FeatureStore,
    bases: Bases,
    *,
    params: Mapping[str, Any],
    at: datetime,
    pins: Mapping[str, int],
    source: Path,
    lock: str,
    part: Part | None = None,
) -> Plan:
    """Build the graph and pin what it reads; with `part`, of that part alone.

    Raises:
        UsageError: The part contradicts itself.
        InvalidProject: The graph can't be.
        NotFound: A data set, a version or a parameter does not exist.
    """
    resolved = pipeline.resolve(params)
    choice = choose(pipeline.graph(**resolved), part or Part())
    graph = choice.graph
    pinned: dict[str, Artifact] = {}
    layouts: set[Ref] = set()
    used: dict[str, int] = {}
    found: set[Ref] = set()
    for selection in graph.selections():
        free = selection.version is None
        name = selection.line.name
        # A data set without a pin is read at one version throughout, whoever commits meanwhile.
        version = pins.get(name, used.get(name)) if free else None
        pin = datasets.pin(selection, at=at, version=version)
        pinned[_name(selection)] = artifact = selection_artifact(pin)
        if isinstance(selection, Observations):
            layout = features.pin(selection.view, source=pin.ref)
            pinned[_name(selection)] = observation_artifact(artifact, selection, layout)
            layouts |= set() if layout is None else {layout.ref}
        found.add(pin.ref)
        if free and pin.ref.version is not None:
            used[name] = pin.ref.version
    for base in graph.bases():
        pinned[_name(base)] = artifact = bases.pin(base, {**pins, **used})
        if base.version is None and artifact.ref.version is not None:
            used[base.pin] = artifact.ref.version
    return Plan(
        graph=graph,
        params=resolved,
        pinned=pinned,
        datasets=tuple(sorted(found)),
        features=tuple(sorted(layouts)),
        pins=used,
        source=source,
        lock=lock,
        anew=choice.anew,
        from_cache=choice.from_cache,
    )


class Keys:
    """Works out the cache keys of one plan. Parses each source file once, each step's code once.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        package = Path(own_steps.__file__).parents[_OWN_MODULE.count(".")]
        self._own = SourceTree([package], only=lambda name: name.startswith(_OWN_REACH))
        self._project = SourceTree(code_paths(plan.source))
        self._bases: dict[str, Mapping[str, str]] = {}

    def of(
        self,
        step: Step[Any],
        constants: Mapping[str, Any],
        inputs: Mapping[str, Artifact | list[Artifact]],
    ) -> StepKey:
        """Return the key of a call, now that its inputs are known. Costs some 20 µs."""
        base = self._bases.get(step.path)
        if base is None:
            base = self._bases[step.path] = self._base_of(step)
        digests = {
            name: [part.digest for part in one] if isinstance(one, list) else one.digest
            for name, one in inputs.items()
        }
        return call_key(base, params=constants, inputs=digests)

    def libraries(self) -> list[str]:
        """Return the modules that the project imports and does not own, sorted."""
        return sorted(imported_libraries(self._project))

    def _base_of(self, step: Step[Any]) -> dict[str, str]:
        tree = self._own if step.module == _OWN_MODULE else self._project
        options = step.options
        return step_parts(
            step=step.path,
            code=code_parts(tree, step.module, step.name),
            outputs=_spell_outputs(step),
            lock=self._plan.lock,
            files={name: self._digest(step, name) for name in options.files},
            env=options.environment(),
            seed=options.seed,
        )

    def _digest(self, step: Step[Any], name: str) -> str:
        path = (self._plan.source / name).resolve()
        if not path.is_relative_to(self._plan.source.resolve()) or not path.is_file():
            raise InvalidProject(
                f"step {step.name!r} reads the file {name!r}, which is not kept with the code",
                remedy="Name it relative to the project's folder, and list it in `files` there.",
            )
        return digest_file(path)


def gather(
    one: Input, plan: Plan, made: Mapping[str, tuple[Artifact, ...]]
) -> Artifact | list[Artifact]:
    """Return the artefacts behind an argument, once the nodes it needs are done."""
    if isinstance(one, tuple):
        return [artifact for part in one for artifact in _all(part, plan, made)]
    if isinstance(one, Output) and one.index == EVERY:
        return list(made[one.node])
    return _single(one, plan, made)


def _all(one: Source, plan: Plan, made: Mapping[str, tuple[Artifact, ...]]) -> Sequence[Artifact]:
    if isinstance(one, Output) and one.index == EVERY:
        return made[one.node]
    return [_single(one, plan, made)]


def _single(one: Source, plan: Plan, made: Mapping[str, tuple[Artifact, ...]]) -> Artifact:
    return made[one.node][one.index] if isinstance(one, Output) else plan.selection(one)


def _spell_outputs(step: Step[Any]) -> list[str]:
    returned = step.types["return"]
    several = many_of(returned)
    if several is not None:
        form = format_of(several)
        return [f"{spell(returned)} {form.name}/{form.version}"]
    kinds = outputs_of(returned)
    chosen = [(kind, format_of(kind)) for kind in ((returned,) if kinds is None else kinds)]
    return [f"{spell(kind)} {form.name}/{form.version}" for kind, form in chosen]


def _name(selection: Selection | Registered) -> str:
    """Name a selection or a model, so that equal ones share a pin."""
    if isinstance(selection, Registered):
        return str(selection)
    window = (selection.span, selection.since, selection.until)
    view = selection.view.name if isinstance(selection, Observations) else ""
    part = "" if selection.part is None else f"shard {selection.part}"
    return f"{selection.line.name}@{selection.version}:{window}{view}{part}"
