"""From a package to its explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.compiling.lines import Line, read_line
from towpath.assets.models.explaining.agnostic import AgnosticExplainer, LinearExplainer
from towpath.assets.models.explaining.background import Background
from towpath.assets.models.explaining.paths import LeafPaths
from towpath.assets.models.explaining.structure import sklearn_trees
from towpath.assets.models.explaining.trees import CONTRIBUTIONS, PathExplainer, TreeExplainer
from towpath.assets.models.flavours import FORMATS
from towpath.assets.models.packages import load_files, load_package
from towpath.assets.models.predictors import load_predictor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from towpath.assets.models.explaining.contract import Explainer
    from towpath.assets.models.packages import Package
    from towpath.assets.models.reference import Reference
    from towpath.storage.blobs.contract import BlobStore

_SCALERS = ("MaxAbsScaler", "MinMaxScaler", "RobustScaler", "StandardScaler")


def load_explainer(digest: str, blobs: BlobStore, reference: Callable[[], Reference]) -> Explainer:
    """Open a package for explaining, by the most exact method there is for it.

    Args:
        digest: The package.
        blobs: Where its blobs are.
        reference: Called where a background is needed: the reference of the model version.

    Raises:
        NotFound: The package, a file of it, or its reference is gone.
        CorruptBlob: Its bytes were changed.
        IntegrityError: It is not a package, or names what must not be loaded.
        UsageError: A library that it needs is not installed.
    """
    package = load_package(digest, blobs)
    contributions = CONTRIBUTIONS.get(package.flavour)
    if contributions is not None:
        return TreeExplainer(package, contributions(load_files(package, blobs)))
    trees = sklearn_trees(package, load_files(package, blobs))
    paths = None if trees is None else LeafPaths.of(trees)
    if trees is not None and paths is not None:
        return PathExplainer(package, trees, paths)
    predictor = load_predictor(digest, blobs)
    background = Background.of(reference(), package.inputs)
    line = _line(package, blobs)
    if line is not None:
        return LinearExplainer(predictor, background, line)
    return AgnosticExplainer(predictor, background)


def load_line(digest: str, blobs: BlobStore, *, kinds: Collection[str]) -> Line | None:
    """Return the line that a package is through its own columns, if it was fitted as one of some kinds.

    Args:
        digest: The package.
        blobs: Where its blobs are.
        kinds: Names of scikit-learn's estimators.

    Raises:
        NotFound: The package, or a file of it, is gone.
        IntegrityError: It is not a package, or names what must not be loaded.
    """
    return _line(load_package(digest, blobs), blobs, kinds=kinds)


def _line(
    package: Package, blobs: BlobStore, *, kinds: Collection[str] | None = None
) -> Line | None:
    """Return the line that a model is, in its own columns; None if it is none, or none of these kinds."""
    if package.flavour != "sklearn" or _has_text_in_frame(package):
        return None
    estimator = FORMATS["sklearn"].load(load_files(package, blobs))
    *before, last = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    if kinds is not None and type(last).__name__ not in kinds:
        return None
    line = read_line(last)
    if line is None or not all(_keeps_columns(step) for step in before):
        return None
    origin, axes = np.zeros((1, len(line.weights))), np.eye(len(line.weights))
    for step in before:
        origin, axes = _through(step, origin), _through(step, axes)
    return Line(
        weights=line.weights * np.diag(axes - origin),
        intercept=float(line.intercept + origin[0] @ line.weights),
        link=line.link,
    )


def _has_text_in_frame(package: Package) -> bool:
    return package.form == "frame" and bool(package.inputs.levels)


def _keeps_columns(step: Any) -> bool:
    return type(step).__name__ in _SCALERS and not getattr(step, "clip", False)


def _through(scaler: Any, rows: Any) -> Any:
    """Return rows scaled, whatever names the scaler was fitted with."""
    names = getattr(scaler, "feature_names_in_", None)
    if names is None:
        return scaler.transform(rows)
    import polars as pl  # noqa: PLC0415 - most models never need it in the gateway

    return np.asarray(scaler.transform(pl.DataFrame(rows, schema=[str(name) for name in names])))
