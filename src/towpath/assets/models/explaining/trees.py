"""Contributions that libraries of boosted trees compute themselves, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.explaining.agnostic import require_few
from towpath.assets.models.explaining.contract import Explanation
from towpath.assets.models.explaining.structure import as_matrix
from towpath.assets.models.flavours.catboost import catboost_contributions
from towpath.assets.models.flavours.lightgbm import lightgbm_contributions
from towpath.assets.models.flavours.xgboost import xgboost_contributions
from towpath.assets.models.rows import RowReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from towpath.assets.models.compiling.trees import Trees
    from towpath.assets.models.contract import ColumnValues
    from towpath.assets.models.explaining.paths import LeafPaths
    from towpath.assets.models.flavours.contract import Contributions, Scale
    from towpath.assets.models.packages import Package

ROWS_MOST = 1024

CONTRIBUTIONS: Mapping[str, Callable[[Mapping[str, bytes]], Contributions]] = {
    "catboost": catboost_contributions,
    "lightgbm": lightgbm_contributions,
    "xgboost": xgboost_contributions,
}


_LINK_SCALES: Mapping[str, Scale] = {"logit": "log-odds", "log": "log"}


class TreeExplainer:
    """Names and adds up what a library computes. It keeps no background: its leaves know how many
    training rows came by.
    """

    rows_most = ROWS_MOST

    def __init__(self, package: Package, contributions: Contributions) -> None:
        reader = RowReader(package.inputs)
        self._read: Callable[[Mapping[str, ColumnValues]], Any] = (
            reader.matrix if package.form == "matrix" else reader.frame
        )
        self._contributions = contributions
        self._columns = tuple(package.inputs.names)
        self._library = package.library

    def explain(self, inputs: Mapping[str, ColumnValues]) -> Explanation:
        """Explain rows; see `Explainer.explain`."""
        rows = self._read(inputs)
        require_few(len(rows), self.rows_most)
        shares = self._contributions.of(rows)
        return Explanation(
            method="trees",
            scale=self._contributions.scale,
            columns=self._columns,
            base=np.ascontiguousarray(shares[:, -1]),
            contributions=np.ascontiguousarray(shares[:, :-1]),
            raw=self._contributions.raw(rows),
            settings={"library": self._library},
        )


class PathExplainer:
    """Explains scikit-learn's trees from their nodes; see `paths`. It keeps no background either."""

    rows_most = 16

    def __init__(self, package: Package, trees: Trees, paths: LeafPaths) -> None:
        reader = RowReader(package.inputs)
        self._read: Callable[[Mapping[str, ColumnValues]], Any] = (
            reader.matrix if package.form == "matrix" else reader.frame
        )
        self._trees = trees
        self._paths = paths
        self._columns = tuple(package.inputs.names)
        self._library = package.library
        probable: Scale = "probability" if package.task == "binary" else "value"
        self._scale: Scale = _LINK_SCALES.get(trees.link, probable)

    def explain(self, inputs: Mapping[str, ColumnValues]) -> Explanation:
        """Explain rows; see `Explainer.explain`."""
        rows = self._read(inputs)
        require_few(len(rows), self.rows_most)
        base, divisor = self._trees.base, self._trees.divisor
        found = [
            self._paths.share(row) for row in as_matrix(rows, rounds=self._trees.rounds_inputs)
        ]
        width = len(self._columns)
        return Explanation(
            method="trees",
            scale=self._scale,
            columns=self._columns,
            base=np.array([base + one / divisor for one, _, _ in found]),
            contributions=np.array([one / divisor for _, one, _ in found]).reshape(-1, width),
            raw=np.array([base + one / divisor for _, _, one in found]),
            settings={"library": self._library},
        )
