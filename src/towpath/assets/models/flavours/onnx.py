"""ONNX graphs: kept as they are, checked to be self-contained, answered by ONNX Runtime.

A graph that reaches outside of itself is refused when it is packaged and again when it is loaded; see
`outline` for what that means, and why answering needs ONNX Runtime alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.flavours.extras import load_extra
from towpath.assets.models.flavours.outline import (
    BOOL,
    DOUBLE,
    FLOAT,
    INT32,
    INT64,
    STRING,
    answer_of,
    inputs_of,
    read_outline,
    trouble_of,
)
from towpath.assets.models.flavours.tasks import SCORES, agree
from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours.contract import Form, Scorer
    from towpath.assets.models.inputs import Inputs

_FILE = "model.onnx"
_TYPES = {
    FLOAT: np.dtype(np.float32),
    DOUBLE: np.dtype(np.float64),
    INT64: np.dtype(np.int64),
    INT32: np.dtype(np.int32),
    BOOL: np.dtype(np.bool_),
}


class OnnxFormat:
    """A `ModelProto` with one input of shape (rows, columns), or one input per column.

    The answer is the first output of floats: a value per row, `(n,)` or `(n, 1)`, or the chances of
    two classes, `(n, 2)`, of which the second counts.
    """

    flavour: Flavour = "onnx"
    library = "onnxruntime"

    def claims(self, estimator: object) -> bool:
        """Tell whether it is an ONNX graph."""
        return type(estimator).__name__ == "ModelProto" and type(estimator).__module__.startswith(
            "onnx"
        )

    def fit(
        self,
        estimator: Any,
        inputs: Inputs,
        features: pl.DataFrame,
        outcome: npt.NDArray[np.generic] | None,
        groups: npt.NDArray[np.int64] | None,
    ) -> Any:
        """Refuse: a graph is exported by what trained it."""
        del estimator, inputs, features, outcome, groups
        raise UsageError(
            "an ONNX graph is not fitted here",
            remedy="Train and export it, then wrap it: Model(graph, inputs=…, outcome=…, task=…).",
        )

    def task(self, estimator: Any, asked: Task | None) -> Task:
        """Two chances per row are a classifier's; any other graph must be told what it means."""
        chances = answer_of(estimator).type.tensor_type.shape.dim
        if len(chances) == 2 and chances[1].dim_value == 2:
            return agree(estimator, ("binary", "ranking", "anomaly"), asked)
        return agree(estimator, SCORES, asked, told=True)

    def form(self, estimator: Any) -> Form:
        """One input is the matrix; several are the columns of a frame."""
        return "matrix" if len(inputs_of(estimator)) == 1 else "frame"

    def width(self, estimator: Any) -> int:
        """Return the number of columns."""
        inputs = inputs_of(estimator)
        if len(inputs) > 1:
            return len(inputs)
        shape = inputs[0].type.tensor_type.shape.dim
        if len(shape) != 2 or not shape[1].dim_value:
            raise UsageError(
                f"the ONNX graph's input {inputs[0].name!r} is not of shape (rows, columns)",
                remedy="Export it with the number of columns fixed and the number of rows open.",
            )
        return int(shape[1].dim_value)

    def dump(self, estimator: Any) -> dict[str, bytes]:
        """Write the graph."""
        if trouble := trouble_of(estimator):
            raise UsageError(f"the ONNX graph can't be kept: {trouble}")
        return {_FILE: estimator.SerializeToString(deterministic=True)}

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Read the graph; one that reaches outside of itself is refused before anything runs."""
        data = _only(files)
        read_outline(data)
        onnx = load_extra("onnx", "onnx")
        try:
            graph = onnx.load_model_from_string(data)
            onnx.checker.check_model(graph)
        except Exception as error:  # protobuf's and the checker's have no common class
            raise IntegrityError("the ONNX graph breaks ONNX's own rules") from error
        return graph

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:
        """Open a session; ONNX Runtime's sessions may be run from several threads."""
        del task
        graph = read_outline(_only(files))
        runtime = load_extra("onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        # It would take bytes that say so for its own format, in which nobody has looked for what is refused.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            session = runtime.InferenceSession(
                files[_FILE], options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise IntegrityError(
                f"ONNX Runtime can't run the graph ({type(error).__name__})",
                remedy="Export it for an operator set that this ONNX Runtime knows.",
            ) from error
        inputs, wanted = inputs_of(graph), [answer_of(graph).name]
        feed = _matrix_feed(inputs[0]) if len(inputs) == 1 else _columns_feed(inputs)

        def score(rows: Any) -> npt.NDArray[np.float64]:
            try:
                (answers,) = session.run(wanted, feed(rows))
            except Exception as error:  # ONNX Runtime's own have no common class
                raise ValueError("the graph refuses the rows") from error
            found = np.asarray(answers, dtype=np.float64)
            two = found.ndim == 2 and found.shape[1] == 2
            return np.ascontiguousarray(found[:, 1]) if two else found.reshape(len(rows))

        return score


def _only(files: Mapping[str, bytes]) -> bytes:
    if set(files) != {_FILE}:
        raise IntegrityError(f"an ONNX package holds {_FILE!r}, not {sorted(files)}")
    return files[_FILE]


def _matrix_feed(one: Any) -> Callable[[Any], dict[str, Any]]:
    kind = _TYPES.get(one.type.tensor_type.elem_type, np.dtype(np.float32))

    def feed(rows: npt.NDArray[np.float64]) -> dict[str, Any]:
        return {one.name: rows.astype(kind, copy=False)}

    return feed


def _columns_feed(inputs: list[Any]) -> Callable[[Any], dict[str, Any]]:
    """Return what lays a frame's columns out as the graph's inputs, by position."""

    def column(one: Any, series: pl.Series) -> npt.NDArray[Any]:
        wide = len(one.type.tensor_type.shape.dim) == 2
        if one.type.tensor_type.elem_type == STRING:
            values = np.array(series.fill_null("").to_list(), dtype=object)
        else:
            kind = _TYPES[one.type.tensor_type.elem_type]
            filled = series.fill_null(float("nan")) if series.dtype.is_float() else series
            values = filled.to_numpy().astype(kind)
        return values.reshape(-1, 1) if wide else values

    def feed(rows: pl.DataFrame) -> dict[str, Any]:
        return {one.name: column(one, series) for one, series in zip(inputs, rows, strict=True)}

    return feed
