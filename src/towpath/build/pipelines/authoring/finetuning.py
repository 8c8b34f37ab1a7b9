"""Fine-tuning: a step that goes on from a registered model version, which becomes its parent.

The parent is an input like a selection of a data set: pinned when the run is planned, part of the
step's key by its package's digest, and linked in the graph (`run used model:late@3`). The model that
comes of it records its parent, so an erasure of rows that the parent saw reaches the child.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from towpath.assets.models import Model, load_package
from towpath.build.pipelines.authoring.handles import Handle, current_collector
from towpath.build.pipelines.formats.kinds import bare
from towpath.build.pipelines.formats.models import model_artifact
from towpath.core.errors import InvalidProject, NotFound, TowpathError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.build.pipelines.authoring.steps import Step
    from towpath.build.pipelines.contract import Artifact
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore

_USABLE = ("approved", "rejected", "retired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A model version as an input of a step.

    Attributes:
        name: The model's name in the registry.
        version: Its number; None for the newest approved version at the time of planning.
    """

    name: str
    version: int | None = None

    @property
    def pin(self) -> str:
        """The name under which a run's pins may hold another version: `model:late`, `model:late@3`."""
        return str(Ref("model", self.name, self.version))

    def __str__(self) -> str:
        return self.pin


def finetune(base: Any, fit: Step[Model], /, **inputs: Any) -> Model:
    """Go on training from a registered model: the step gets it, and what it returns is its child.

        @tp.step
        def carry_on(parent: tp.Model, rows: pl.DataFrame) -> tp.Model: ...

        @tp.pipeline
        def tune():
            model = tp.finetune("late", carry_on, rows=flights.last("1 week"))
            return tp.candidate("late", model, test=recent)

    Gates can hold the child against it (`NonInferior(…, against="parent")`), `towpath model show`
    prints the family, and what must forget the parent's rows forgets the child too. To try several
    settings, search over the same step: `tp.search(carry_on, tp.parent("late"), …)`.

    Args:
        base: The parent: `"late"` for the newest approved version when the run is planned,
            `"late@3"`, `Ref("model", "late", 3)`; or what a step of this pipeline returned, which is
            simply passed on and becomes nobody's parent, being registered nowhere.
        fit: The step. The parent goes to its one parameter annotated `tp.Model` that `inputs` leaves
            free.
        **inputs: The step's other arguments.

    Returns:
        A handle on what the step returns.

    Raises:
        InvalidProject: `base` is no model, or the step has not exactly one free parameter for it; or
            this is called outside of a pipeline.
    """
    if current_collector() is None:
        raise InvalidProject(
            "finetune(…) was called outside of a pipeline",
            remedy="Call it inside a @pipeline function.",
        )
    free = [
        name
        for name, kind in fit.types.items()
        if bare(kind) is Model and name not in inputs and name != "return"
    ]
    if len(free) != 1:
        raise InvalidProject(
            f"step {fit.name!r} has {len(free)} free parameters for the parent of a fine-tuning",
            remedy="Annotate exactly one as tp.Model, for instance "
            f"{fit.name}(parent: tp.Model, rows: pl.DataFrame).",
        )
    given = base if isinstance(base, Handle) else parent(base)
    return fit(**{free[0]: given}, **inputs)


def parent(base: str | Ref, /) -> Any:
    """Return a registered model as an argument of a step, where `finetune` is not what calls it.

        best = tp.search(carry_on, tp.parent("late"), recent, rate=tp.Log(0.01, 0.3), minimize="mae")
        return tp.candidate("late", best, test=held_back)

    Whatever the step makes of it, directly or through other steps, is its child once it is registered.

    Args:
        base: `"late"` for the newest approved version when the run is planned, `"late@3"`, or
            `Ref("model", "late", 3)`.

    Raises:
        InvalidProject: It names no model.
    """
    return _registered(base)


class Bases:
    """Finds the versions that runs go on from. Thread-safe, as its parts are."""

    def __init__(self, ledger: Ledger, blobs: BlobStore) -> None:
        self._ledger = ledger
        self._blobs = blobs

    def pin(self, one: Registered, pins: Mapping[str, int]) -> Artifact:
        """Return the artefact that stands for a model version, its reference in `meta`.

        Args:
            one: What is asked for.
            pins: Versions to use instead of what is asked for, by `Registered.pin`. An erasure pins
                the replacement of a parent that has to go.

        Raises:
            NotFound: There is no such version, or none that was approved; or it may not be used any
                more, because it learned from rows that are being erased.
        """
        number = pins.get(one.pin, one.version)
        with self._ledger.read() as tx:
            if number is None:
                version = tx.versions.latest("model", one.name, states=["approved"])
            else:
                version = tx.versions.get(Ref("model", one.name, number))
        if version is None:
            raise NotFound(
                f"the model {one.name!r} has no approved version to fine-tune",
                remedy="Train one first with an ordinary pipeline.",
            )
        if version.state not in _USABLE:
            raise NotFound(
                f"{version.ref} is {version.state}: nothing may be made from it any more",
                remedy=f"Fine-tune its replacement: base={one.name!r} takes the newest.",
                ref=str(version.ref),
            )
        load_package(version.digest, self._blobs)  # its bytes are there
        meta = {"ref": str(version.ref), "revision": version.revision}
        return model_artifact(version.digest, self._blobs, meta)


def _registered(base: object) -> Registered:
    try:
        ref = base if isinstance(base, Ref) else Ref.parse(cast(str, base), "model")
    except (TowpathError, TypeError, AttributeError) as error:
        raise InvalidProject(
            f"{base!r} is no registered model to go on from",
            remedy="Name a registered model: 'late', 'late@3'.",
        ) from error
    if ref.kind != "model":
        raise InvalidProject(
            f"{ref} is not a model to go on from",
            remedy="Name a registered model: 'late', 'late@3'.",
        )
    return Registered(name=ref.name, version=ref.version)
