"""Compiles a package where that changes nothing but the speed."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from towpath.assets.models.compiling.boosters import read_booster
from towpath.assets.models.compiling.graphs import convert, convert_trees
from towpath.assets.models.compiling.running import open_compiled
from towpath.assets.models.execution import NATIVE, Execution
from towpath.assets.models.flavours import FORMATS
from towpath.assets.models.packages import load_files, load_package
from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from towpath.assets.models.compiling.graphs import Graph
    from towpath.assets.models.flavours import Scorer
    from towpath.assets.models.packages import Package
    from towpath.storage.blobs.contract import BlobStore

PARITY: Final = 1e-6
"""How far the compiled answer may lie from the native one, relative to it where it is above 1."""

FILE: Final = "compiled.onnx"
_COMPILED = ("sklearn", "lightgbm")
_EXACT = ("lightgbm",)  # the library answers single rows, the graph batches
_ALONE = 64  # rows that are also asked one by one
_PROBES = 32  # rows that are asked again with a value missing, or one never seen
_UNSEEN = "\N{WHITE SQUARE} a level that nobody ever saw"


def compile_package(digest: str, rows: pl.DataFrame, blobs: BlobStore) -> str:
    """Return the package to be judged and served in place of a freshly made one.

    A scikit-learn model is converted to a graph and asked beside the original: on all `rows`; on some of
    them with a value missing, or of a level never seen, wherever a request may bring one; and on some of
    them alone, where the answer must have the same bits as within the batch. If all agree, the new
    package holds the graph beside the original and says so in its `execution`. If not, it says why not.

    A LightGBM model is compiled where the graph gives its very bits: the graph answers batches, which
    it does in about half the time, and the library goes on answering single rows.

    Other flavours answer through compiled libraries of their own: their packages are returned as they
    are, as is one that says already how it is carried out.

    Args:
        digest: The package.
        rows: Rows with its columns, those that the model is to be judged on.
        blobs: Where packages are.

    Returns:
        The digest of the new package, the same for the same package, rows and libraries.

    Raises:
        IntegrityError: The package is damaged.
    """
    package = load_package(digest, blobs)
    if package.flavour not in _COMPILED or package.execution != NATIVE:
        return digest
    try:
        graph, execution = _compiled(package, rows, blobs)
    except UsageError as error:
        decided = replace(package, execution=Execution(reason=error.message))
    else:
        files = {**package.files, FILE: blobs.put(graph)}
        decided = replace(package, files=files, execution=execution)
    return blobs.put(decided.encode())


def _compiled(package: Package, rows: pl.DataFrame, blobs: BlobStore) -> tuple[bytes, Execution]:
    """Return a graph that was found to answer alike.

    Raises:
        UsageError: There is none; says why.
    """
    if rows.is_empty():
        raise UsageError("there are no test rows to compare it on")
    known = FORMATS[package.flavour]
    files = load_files(package, blobs)
    graph = _graph(package, files)
    native = known.scorer(files, package.task, threads=1)
    is_exact = package.flavour in _EXACT
    probes = list(_probes(package, rows.head(_PROBES)))
    missing = [probe for probe, kind in probes if kind == "missing"]
    execution = Execution(
        kind="onnx",
        file=FILE,
        link=graph.link,
        alone="native" if is_exact else "compiled",
        takes_missing=all(_answers(native, package, probe) is not None for probe in missing),
        library=f"onnxruntime {version('onnxruntime')}",
    )
    try:
        alone = native if is_exact else None
        compiled = open_compiled(graph.data, execution, package.task, alone=alone)
    except IntegrityError as error:
        raise UsageError(f"ONNX Runtime does not take its graph: {error.message}") from error
    parity = 0.0
    for frame in (rows, *(probe for probe, _ in probes)):
        parity = max(parity, _difference(native, compiled, package, frame))
    if parity > (0.0 if is_exact else PARITY):
        bound = "and its bits have to be the same" if is_exact else f"which is above {PARITY:g}"
        raise UsageError(f"compiled, its answers differ by {parity:.1e}, {bound}")
    _require_same_alone(compiled, package, rows)
    return graph.data, replace(execution, parity=parity, rows=rows.height)


def _graph(package: Package, files: Mapping[str, bytes]) -> Graph:
    """Convert what a library trained; see `convert` for what may be wrong with it."""
    if package.flavour == "lightgbm":
        (text,) = files.values()
        return convert_trees(read_booster(text.decode()), len(package.inputs.columns))
    return convert(FORMATS[package.flavour].load(files), package.inputs, package.form)


def _probes(package: Package, some: pl.DataFrame) -> list[tuple[pl.DataFrame, str]]:
    """Return the rows again with what a request may bring and the test rows may lack."""
    found: list[tuple[pl.DataFrame, str]] = []
    for column in package.inputs.columns:
        name, is_text = column.name, column.datatype == "BYTES"
        if column.nullable:
            gone = some.with_columns(pl.lit(None, some.schema[name]).alias(name))
            found.append((gone, "missing"))
        if is_text:
            strange = some.with_columns(pl.lit(_UNSEEN).alias(name))
            found.append((strange, "missing" if package.form == "matrix" else "unseen"))
    return found


def _answers(
    scorer: Scorer, package: Package, frame: pl.DataFrame
) -> npt.NDArray[np.float64] | None:
    """Return the answers, or None where the form refuses the rows."""
    try:
        return scorer(_taken(package, frame))
    except (ValueError, TypeError):
        return None


def _taken(package: Package, frame: pl.DataFrame) -> Any:
    return (package.inputs.matrix if package.form == "matrix" else package.inputs.frame)(frame)


def _difference(native: Scorer, compiled: Scorer, package: Package, frame: pl.DataFrame) -> float:
    """Return the largest difference; infinite where only one of the two answers."""
    wanted, given = (_answers(scorer, package, frame) for scorer in (native, compiled))
    if wanted is None or given is None:
        return 0.0 if wanted is given else float("inf")
    apart = np.abs(given - wanted) / np.maximum(1.0, np.abs(wanted))
    return float(np.where(np.isnan(apart), np.inf, apart).max())


def _require_same_alone(compiled: Scorer, package: Package, rows: pl.DataFrame) -> None:
    """Hold the compiled form to what `Predictor` promises: a row's answer depends on that row alone."""
    some = rows.head(_ALONE)
    together = compiled(_taken(package, some))
    alone = [compiled(_taken(package, some[at])) for at in range(some.height)]
    if not np.array_equal(together, np.concatenate(alone)):
        raise UsageError("compiled, its answer to a row depends on the rows beside it")
