"""The compiled form of a package, opened for answering."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.flavours import FORMATS
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    import numpy.typing as npt

    from towpath.assets.models.contract import Task
    from towpath.assets.models.execution import Execution
    from towpath.assets.models.flavours import Scorer

_GRAPH = "model.onnx"


def open_compiled(
    graph: bytes, execution: Execution, task: Task, *, alone: Scorer | None = None
) -> Scorer:
    """Open a compiled graph; it is held to the same rules as a packaged ONNX model.

    The link is applied here, value by value: vectorised exponentials round by the place that a row has
    in a batch, and the answer to a row must not depend on the rows around it. One thread answers,
    whatever the batch: several would add up trees in another order.

    Args:
        graph: The graph.
        execution: What the package says about it.
        task: What the answers mean.
        alone: Answers single rows, where the execution has the library do that.

    Raises:
        IntegrityError: It is no graph, reaches outside of itself, or has a link that is not known.
        UsageError: ONNX Runtime is not installed. The model was judged compiled, so it is not answered
            otherwise.
    """
    scorer = FORMATS["onnx"].scorer({_GRAPH: graph}, task, threads=1)
    links = {"identity": None, "logit": _chance, "logistic": _logistic, "log": _exponent}
    if execution.link not in links:
        raise IntegrityError(f"the package's compiled form has the unknown link {execution.link!r}")
    link = links[execution.link]
    takes_missing = execution.takes_missing

    def score(rows: Any) -> npt.NDArray[np.float64]:
        if alone is not None and len(rows) == 1:
            return alone(rows)
        if not takes_missing and _has_missing(rows):
            raise ValueError("the model takes no missing values")
        raw = scorer(rows)
        if link is None:
            return raw
        return np.fromiter(map(link, raw.tolist()), dtype=np.float64, count=len(raw))

    return score


def _has_missing(rows: Any) -> bool:
    if isinstance(rows, np.ndarray):
        return bool(np.isnan(rows).any())
    return any(series.null_count() for series in rows)


def _chance(score: float) -> float:
    """Return the logistic function, never overflowing."""
    if score >= 0:
        return 1.0 / (1.0 + math.exp(-score))
    power = math.exp(score)
    return power / (1.0 + power)


def _logistic(score: float) -> float:
    """Return the logistic function by the operations that LightGBM does."""
    try:
        return 1.0 / (1.0 + math.exp(-score))
    except OverflowError:
        return 0.0


def _exponent(score: float) -> float:
    return math.exp(score)
