"""Explanations of models whose inside is not looked at, and of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.explaining.contract import Explanation
from towpath.assets.models.explaining.shapley import is_small, over_coalitions, over_orders
from towpath.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from towpath.assets.models.compiling.lines import Line
    from towpath.assets.models.contract import ColumnValues, Rows
    from towpath.assets.models.explaining.background import Background
    from towpath.assets.models.explaining.contract import Method
    from towpath.assets.models.flavours.contract import Scale
    from towpath.assets.models.predictors import PackagePredictor

ROWS_MOST = 16
LINE_ROWS_MOST = 1024
_SCALES: Mapping[str, Scale] = {"binary": "probability", "ranking": "score", "anomaly": "score"}
_LINK_SCALES: Mapping[str, Scale] = {"identity": "value", "logit": "log-odds", "log": "log"}


class AgnosticExplainer:
    """Asks the model about mixtures of a row and the background."""

    rows_most = ROWS_MOST

    def __init__(self, predictor: PackagePredictor, background: Background) -> None:
        self._predictor = predictor
        self._background = background
        self._points = predictor.read(background.columns)
        self._columns = tuple(spec.name for spec in predictor.signature.inputs)

    def explain(self, inputs: Mapping[str, ColumnValues]) -> Explanation:
        """Explain rows; see `Explainer.explain`."""
        rows = self._predictor.read(inputs)
        require_few(len(rows), self.rows_most)
        width, points = len(self._columns), len(self._points)
        small = is_small(width, points)
        method: Method = "coalitions" if small else "permutations"
        found = [
            over_coalitions(game, width) if small else over_orders(game, width, points)
            for game in (self._game(rows[at : at + 1]) for at in range(len(rows)))
        ]
        settings: dict[str, Any] = {"background": self._background.digest, "points": points}
        if not small:
            settings["orders"] = found[0].orders if found else 0
            settings["standard_error"] = max((one.error for one in found), default=0.0)
        return Explanation(
            method=method,
            scale=_SCALES.get(self._predictor.task, "value"),
            columns=self._columns,
            base=np.array([one.base for one in found]),
            contributions=np.array([one.contributions for one in found]).reshape(-1, width),
            raw=self._predictor.answer(rows),
            settings=settings,
        )

    def _game(self, row: Rows) -> Any:
        """Return what sets of columns are worth for a row."""
        points = len(self._points)

        def worth(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
            mixed = _mix(row, self._points, masks)
            return self._predictor.answer(mixed).reshape(len(masks), points).mean(axis=1)

        return worth


def _mix(row: Rows, points: Rows, masks: npt.NDArray[np.bool_]) -> Rows:
    """Return, for each set of columns, every point with these columns taken from the row."""
    if isinstance(row, np.ndarray):
        assert isinstance(points, np.ndarray)
        mixed = np.where(masks[:, None, :], row[None], points[None])
        return np.ascontiguousarray(mixed.reshape(-1, row.shape[1]))
    import polars as pl  # noqa: PLC0415 - most models never need it in the gateway

    assert isinstance(points, pl.DataFrame)
    count = points.height
    there = np.tile(np.arange(count), len(masks))
    known = pl.concat([points, row])
    return pl.DataFrame(
        [
            series.gather(np.where(np.repeat(masks[:, at], count), count, there))
            for at, series in enumerate(known.iter_columns())
        ]
    )


class LinearExplainer:
    """Weights times the distance from the background's mean.

    Args:
        line: The weights of the model's own columns; scalings before it are part of them.
    """

    rows_most = LINE_ROWS_MOST

    def __init__(self, predictor: PackagePredictor, background: Background, line: Line) -> None:
        self._predictor = predictor
        self._background = background
        self._line = line
        points = _numbers(predictor.read(background.columns))
        self._points, self._means = len(points), points.mean(axis=0)
        self._columns = tuple(spec.name for spec in predictor.signature.inputs)

    def explain(self, inputs: Mapping[str, ColumnValues]) -> Explanation:
        """Explain rows; see `Explainer.explain`."""
        given = self._predictor.read(inputs)
        require_few(len(given), self.rows_most)
        rows, line = _numbers(given), self._line
        return Explanation(
            method="linear",
            scale=_LINK_SCALES[line.link],
            columns=self._columns,
            base=np.full(len(rows), line.intercept + line.weights @ self._means),
            contributions=(rows - self._means) * line.weights,
            raw=rows @ line.weights + line.intercept,
            settings={"background": self._background.digest, "points": self._points},
        )


def _numbers(rows: Rows) -> npt.NDArray[np.float64]:
    if isinstance(rows, np.ndarray):
        return rows
    return rows.to_numpy().astype(np.float64)


def require_few(rows: int, most: int) -> None:
    """Refuse more rows than can be explained at a time."""
    if rows > most:
        raise InvalidRequest(
            f"{rows} rows can't be explained at a time",
            remedy=f"Send at most {most}: each costs many answers of the model.",
        )
