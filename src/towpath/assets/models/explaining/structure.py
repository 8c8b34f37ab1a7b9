"""Where a model's trees send rows, and at which values of a column they part them."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from towpath.assets.models.compiling.trees import Trees, read_trees
from towpath.assets.models.flavours import FORMATS
from towpath.assets.models.flavours.booster import NativeBooster
from towpath.assets.models.flavours.booster_text import tree_fields
from towpath.assets.models.flavours.catboost import CatboostFormat, catboost_pool
from towpath.assets.models.flavours.xgboost import xgboost_leaves
from towpath.assets.models.packages import load_files, load_package
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from towpath.assets.models.contract import Rows
    from towpath.assets.models.packages import Package
    from towpath.storage.blobs.contract import BlobStore

    Cuts = dict[int, npt.NDArray[np.float64]]

_CATEGORICAL: Final = 1  # bit of LightGBM's `decision_type`


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeStructure:
    """What is read off an ensemble of trees besides its answers. Thread-safe.

    Attributes:
        leaves: From rows as `Predictor.read` lays them out to the leaf that each ends in, `(n, trees)`.
            Two rows with the same leaf in all trees get the same answer.
        cuts: By position of a column: all values at which a tree parts rows, sorted. Whether a row that
            equals a cut goes left differs from library to library. A column that no tree asks is absent.
            None where answers differ between cuts (leaves that are lines).
        rounds: Whether the library rounds values to 32 bits before it compares.
    """

    leaves: Callable[[Rows], npt.NDArray[np.int64]]
    cuts: Cuts | None
    rounds: bool

    def cells(self, column: int, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64] | None:
        """Number the stretches between a column's cuts, and the cuts themselves: `(n,)`.

        Values with one number get one answer, all else being equal. None where that can't be told: the
        column is split by sets of categories, or leaves are lines.
        """
        if self.cuts is None:
            return None
        cuts = self.cuts.get(column)
        if cuts is None:  # no tree asks for it
            return np.zeros(len(values), np.int64)
        if not len(cuts):
            return None
        given = values.astype(np.float32).astype(np.float64) if self.rounds else values
        below, upto = np.searchsorted(cuts, given, "left"), np.searchsorted(cuts, given, "right")
        return (below + upto).astype(np.int64)


def load_structure(digest: str, blobs: BlobStore) -> TreeStructure | None:
    """Open a package's trees; None where it is no ensemble of trees, or one that can't be looked into.

    Raises:
        NotFound: The package, or a file of it, is gone.
        CorruptBlob: Its bytes were changed.
        UsageError: A library that it needs is not installed.
    """
    package = load_package(digest, blobs)
    opened = _KNOWN.get(package.flavour)
    return None if opened is None else opened(package, load_files(package, blobs))


def sklearn_trees(package: Package, files: Mapping[str, bytes]) -> Trees | None:
    """Return the trees of a scikit-learn model that is called with numbers; None for any other."""
    if package.flavour != "sklearn" or (package.form == "frame" and package.inputs.levels):
        return None
    try:
        return read_trees(FORMATS["sklearn"].load(files))
    except UsageError:
        return None


def as_matrix(rows: Rows, *, rounds: bool) -> npt.NDArray[np.float64]:
    """Return rows as the trees compare them."""
    matrix = rows if isinstance(rows, np.ndarray) else rows.to_numpy().astype(np.float64)
    return matrix.astype(np.float32).astype(np.float64) if rounds else matrix


def _lightgbm(package: Package, files: Mapping[str, bytes]) -> TreeStructure:
    del package
    (text,) = files.values()
    booster = NativeBooster(text)
    found: dict[int, set[float]] = {}
    linear = False
    for fields in tree_fields(text.decode()):
        linear |= fields.get("is_linear", "0") != "0"
        kinds = map(int, fields.get("decision_type", "").split())
        columns = map(int, fields.get("split_feature", "").split())
        cuts = map(float, fields.get("threshold", "").split())
        for kind, column, cut in zip(kinds, columns, cuts, strict=True):
            known = found.setdefault(column, set())
            if not kind & _CATEGORICAL:
                known.add(cut)
    return TreeStructure(
        leaves=lambda rows: booster.leaves(as_matrix(rows, rounds=False)).astype(np.int64),
        cuts=None if linear else _sorted(found),
        rounds=False,
    )


def _xgboost(package: Package, files: Mapping[str, bytes]) -> TreeStructure:
    del package
    (document,) = files.values()
    model = json.loads(document)["learner"]["gradient_booster"]
    model = model.get("gbtree", model)["model"]
    found: dict[int, set[float]] = {}
    for tree in model["trees"]:
        split_by_set = set(tree.get("categories_nodes", ()))
        places = zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"], strict=True
        )
        for node, (column, cut, left) in enumerate(places):
            if left != -1:
                known = found.setdefault(column, set())
                if node not in split_by_set:
                    known.add(float(np.float32(cut)))
    return TreeStructure(leaves=xgboost_leaves(files), cuts=_sorted(found), rounds=True)


def _catboost(package: Package, files: Mapping[str, bytes]) -> TreeStructure:
    del package
    model = CatboostFormat().load(files)
    with tempfile.TemporaryDirectory() as folder:  # the library writes to files only
        path = Path(folder, "model.json")
        model.save_model(str(path), format="json")
        features = json.loads(path.read_bytes())["features_info"]
    found: dict[int, set[float]] = {
        one["flat_feature_index"]: set(one.get("borders") or ())
        for one in features.get("float_features", ())
    }
    found |= {one["flat_feature_index"]: set() for one in features.get("categorical_features", ())}
    pool = catboost_pool(model)
    return TreeStructure(
        leaves=lambda rows: np.asarray(model.calc_leaf_indexes(pool(rows)), np.int64),
        cuts=_sorted(found),
        rounds=True,
    )


def _sklearn(package: Package, files: Mapping[str, bytes]) -> TreeStructure | None:
    trees = sklearn_trees(package, files)
    if trees is None:
        return None
    found: dict[int, set[float]] = {}
    for column, cut in zip(trees.columns, trees.thresholds, strict=True):
        found.setdefault(column, set()).add(cut)
    return TreeStructure(leaves=_Walk(trees), cuts=_sorted(found), rounds=trees.rounds_inputs)


class _Walk:
    """Sends rows down all trees, a comparison at a time."""

    def __init__(self, trees: Trees) -> None:
        self._roots = np.array(trees.roots)
        self._columns, self._cuts = np.array(trees.columns), np.array(trees.thresholds)
        self._missing_left = np.array(trees.missing_left, np.bool_)
        self._to = np.array([trees.right, trees.left])
        self._ends = np.array([trees.right_is_leaf, trees.left_is_leaf], np.bool_)
        self._rounds = trees.rounds_inputs

    def __call__(self, rows: Rows) -> npt.NDArray[np.int64]:
        matrix = as_matrix(rows, rounds=self._rounds)
        leaves = np.empty((len(matrix), len(self._roots)), np.int64)
        for tree, root in enumerate(self._roots):
            going, nodes = np.arange(len(matrix)), np.full(len(matrix), root)
            while len(going):
                given = matrix[going, self._columns[nodes]]
                left = np.where(
                    np.isnan(given), self._missing_left[nodes], given <= self._cuts[nodes]
                )
                side = left.astype(np.intp)
                ended, there = self._ends[side, nodes], self._to[side, nodes]
                leaves[going[ended], tree] = there[ended]
                going, nodes = going[~ended], there[~ended]
        return leaves


def _sorted(found: Mapping[int, set[float]]) -> Cuts:
    return {
        column: np.array(sorted(cut for cut in cuts if not math.isnan(cut)))
        for column, cuts in found.items()
    }


_KNOWN: Final[Mapping[str, Callable[[Package, Mapping[str, bytes]], Any]]] = {
    "catboost": _catboost,
    "lightgbm": _lightgbm,
    "sklearn": _sklearn,
    "xgboost": _xgboost,
}
