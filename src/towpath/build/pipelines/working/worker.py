"""What happens in a step's own process: read inputs, call the function, keep its results."""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

import msgspec
import numpy as np
import polars as pl

from towpath.assets.code import lay_out
from towpath.assets.features.on_demand import OnDemand
from towpath.build.capacity import checkpointing
from towpath.build.pipelines.authoring.computing import compute_step
from towpath.build.pipelines.authoring.reporting import listening, within_run
from towpath.build.pipelines.authoring.spreading import Standing, standing
from towpath.build.pipelines.authoring.steps import Step
from towpath.build.pipelines.contract import Artifact  # noqa: TC001  msgspec reads the annotations
from towpath.build.pipelines.formats import (
    element,
    load_artifact,
    many_of,
    outputs_of,
    save_value,
)
from towpath.build.pipelines.formats.values import decode_value
from towpath.core.errors import InvalidProject, InvalidSetting, NotFound, Unavailable, UsageError
from towpath.storage.blobs import open_blobs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from types import ModuleType

    from towpath.storage.blobs import BlobStore

WORKER = "towpath.build.pipelines.working.worker:execute"
WORKER_MODULES = (
    "towpath.build.pipelines.working.worker",
    "towpath.build.pipelines.authoring.tables",
)


class StepOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a step's process is told.

    Attributes:
        step: `module:function`.
        source: Folder that holds the project's code, named by its bundle's digest. A machine that does
            not have it lays it out from the blob store.
        inputs: Parameter to artefact, or to a list of them.
        constants: Parameter to value, as `encode_value` writes it.
        seed: What random generators start from.
        key: Digest of the call's cache key.
        run: The pipeline's run that the call is part of.
        blobs: URL of the blob store.
        cache_dir: Where a remote store's downloads are kept. A machine that does not have this folder
            keeps them for the task alone, so that no copy of a row is left where nobody looks.
        saves: Whether the step saves its state as it goes.
        saved: Digest of the state that it carries on from.
    """

    step: str
    source: str
    inputs: dict[str, Artifact | list[Artifact]]
    constants: dict[str, Any]
    seed: int | None
    key: str
    run: str
    blobs: str
    cache_dir: str | None
    saves: bool = False
    saved: str | None = None


def execute(payload: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Run one step: a `TaskFunction`.

    Returns:
        `artifacts`: one description per result.

    Raises:
        Unavailable: An input is gone since the run was planned.
    """
    order = msgspec.convert(payload, StepOrder)
    blobs = _open_blobs(order)
    source = _find_source(order.source, blobs)
    paths = code_paths(source)
    here = Standing(blobs_url=order.blobs, key=order.key, source=paths[0])
    with project_imports([str(path) for path in paths]), standing(here):
        return perform(order, blobs, emit)


def perform(
    order: StepOrder, blobs: BlobStore, emit: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Run one step where the project's code is importable already: see `execute`."""
    with ExitStack() as stack, listening(emit), within_run(order.run):
        if order.saves:
            stack.enter_context(checkpointing(order.key, blobs, emit, found=order.saved))
        step = find_step(order.step)
        types = step.types
        arguments = {name: decode_value(value) for name, value in order.constants.items()}
        for name, artifact in order.inputs.items():
            try:
                arguments[name] = _read(artifact, types.get(name), blobs, stack)
            except NotFound as error:  # planning found it there: an erasure has taken it since
                raise Unavailable(
                    f"input {name!r} was removed while the run went on",
                    remedy="Run again: what is missing is computed once more.",
                ) from error
        with _seeded(order.seed):
            result = step.function(**arguments)
        artifacts = save_results(result, types["return"], blobs)
    return {"artifacts": msgspec.to_builtins(artifacts)}


def _open_blobs(order: StepOrder) -> BlobStore:
    """Open the store as this machine can: it may be another than the one that planned the run.

    Raises:
        InvalidSetting: The blobs are in a folder of that other machine.
    """
    parts = urlsplit(order.blobs)
    if parts.scheme == "file" and not Path(unquote(parts.path)).is_dir():
        raise InvalidSetting(
            f"the blobs are in a folder that {os.uname().nodename} does not have",
            remedy="Keep them where every machine reaches them: set blobs = s3://bucket/prefix.",
        )
    known = order.cache_dir is not None and Path(order.cache_dir).parent.is_dir()
    return open_blobs(order.blobs, cache_dir=Path(order.cache_dir or "") if known else None)


def _find_source(named: str, blobs: BlobStore) -> Path:
    source = Path(named)
    if source.is_dir():
        return source
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return lay_out(blobs, source.name, caches / "towpath" / "code")


def save_results(result: Any, kind: Any, blobs: BlobStore) -> list[Artifact]:
    """Keep what a step returned: one artefact, or one for each member of a declared tuple.

    Raises:
        UsageError: It is not what the step declares, or can't be kept.
    """
    several = many_of(kind)
    if several is not None:
        if not isinstance(result, tuple | list):
            raise UsageError(
                f"it returned {type(result).__name__} where any number of results is declared",
                remedy="Return a tuple.",
            )
        return [save_value(one, several, blobs) for one in cast("Sequence[Any]", result)]
    kinds = outputs_of(kind)
    if kinds is None:
        return [save_value(result, kind, blobs)]
    if not isinstance(result, tuple) or len(result) != len(kinds):
        raise UsageError(
            f"it returned {type(result).__name__} where {len(kinds)} results are declared",
            remedy="Return what the annotation says.",
        )
    return [save_value(one, its_kind, blobs) for one, its_kind in zip(result, kinds, strict=True)]


def find_step(path: str) -> Step[Any]:
    """Import a step by `module:function`."""
    module, _, name = path.partition(":")
    found = getattr(importlib.import_module(module), name, None)
    if isinstance(found, OnDemand):
        return compute_step(found)
    if not isinstance(found, Step):
        raise InvalidProject(f"{path} is not a step", remedy="Decorate it with @step.")
    return found


@contextlib.contextmanager
def project_imports(
    paths: Sequence[str], *, kept: dict[str, ModuleType] | None = None
) -> Generator[None]:
    """Import from `paths` first, as if nothing of theirs had been imported before; undo it after.

    A forked process has nothing to undo. Where steps share a process, each sees the code that it was
    planned with, even if another version of the same modules is loaded already.

    Args:
        paths: Folders that hold exactly the files of one bundle.
        kept: Takes the modules that were imported, and gives them back the next time.
    """
    names = {name for path in paths for name in _top_names(Path(path))}
    held = {name: one for name, one in sys.modules.items() if name.partition(".")[0] in names}
    path_before, write_before = list(sys.path), sys.dont_write_bytecode
    for name in held:
        del sys.modules[name]
    sys.path[:0] = paths
    sys.dont_write_bytecode = True  # the folder holds exactly the files of the bundle
    importlib.invalidate_caches()
    sys.modules.update(kept or {})
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path_before, write_before
        for name in [one for one in sys.modules if one.partition(".")[0] in names]:
            module = sys.modules.pop(name)
            if kept is not None:
                kept[name] = module
        sys.modules.update(held)


def _read(
    artifact: Artifact | list[Artifact], kind: Any, blobs: BlobStore, stack: ExitStack
) -> Any:
    if isinstance(artifact, list):
        return [load_artifact(one, blobs, element(kind), stack=stack) for one in artifact]
    return load_artifact(artifact, blobs, kind, stack=stack)


def _top_names(folder: Path) -> Generator[str]:
    for entry in folder.iterdir():
        if entry.suffix == ".py" or any(entry.glob("*.py")):
            yield entry.stem


@contextlib.contextmanager
def _seeded(seed: int | None) -> Generator[None]:
    """Start every global generator from `seed`, and leave no trace of it in a process that goes on."""
    if seed is None:
        yield
        return
    before = random.getstate(), np.random.get_state()  # noqa: NPY002  the one libraries draw from
    random.seed(seed)
    np.random.seed(seed % (1 << 32))  # noqa: NPY002  likewise
    pl.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002  likewise
        pl.set_random_seed(random.SystemRandom().getrandbits(63))


def code_paths(source: Path) -> list[Path]:
    """Return where imports of a project start: its folder, and `src` before it where there is one."""
    inner = source / "src"
    return [inner, source] if inner.is_dir() else [source]


def describe_inputs(inputs: Mapping[str, Artifact | list[Artifact]]) -> dict[str, Any]:
    """Return inputs as they travel."""
    return msgspec.to_builtins(dict(inputs))
