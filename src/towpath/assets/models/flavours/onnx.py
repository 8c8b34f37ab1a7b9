"""ONNX graphs: kept as they are, checked to be self-contained, answered by ONNX Runtime.

A graph may point at files beside it (external data) or at operators that a library brings (custom
domains). The first reads what the package does not hold, the second runs what nobody here has read:
both are refused when a graph is packaged and again when it is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.flavours.extras import load_extra
from towpath.assets.models.flavours.tasks import SCORES, agree
from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours.contract import Form, Scorer
    from towpath.assets.models.inputs import Inputs

_FILE = "model.onnx"
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_EXTERNAL = 1  # TensorProto.DataLocation
_FLOAT, _INT64, _STRING, _BOOL, _DOUBLE, _INT32 = 1, 7, 8, 9, 11, 6
_TYPES = {
    _FLOAT: np.dtype(np.float32),
    _DOUBLE: np.dtype(np.float64),
    _INT64: np.dtype(np.int64),
    _INT32: np.dtype(np.int32),
    _BOOL: np.dtype(np.bool_),
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
        chances = _answer(estimator).type.tensor_type.shape.dim
        if len(chances) == 2 and chances[1].dim_value == 2:
            return agree(estimator, ("binary", "ranking", "anomaly"), asked)
        return agree(estimator, SCORES, asked, told=True)

    def form(self, estimator: Any) -> Form:
        """One input is the matrix; several are the columns of a frame."""
        return "matrix" if len(_inputs(estimator)) == 1 else "frame"

    def width(self, estimator: Any) -> int:
        """Return the number of columns."""
        inputs = _inputs(estimator)
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
        if trouble := _trouble(estimator):
            raise UsageError(f"the ONNX graph can't be kept: {trouble}")
        return {_FILE: estimator.SerializeToString(deterministic=True)}

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Read the graph; one that reaches outside of itself is refused before anything runs."""
        if set(files) != {_FILE}:
            raise IntegrityError(f"an ONNX package holds {_FILE!r}, not {sorted(files)}")
        onnx = load_extra("onnx", "onnx")
        from google.protobuf.message import DecodeError  # noqa: PLC0415 - onnx brings it

        try:
            graph = onnx.load_model_from_string(files[_FILE])
        except DecodeError as error:
            raise IntegrityError(f"the ONNX graph can't be read: {error}") from error
        if trouble := _trouble(graph):
            raise IntegrityError(
                f"the ONNX package is not safe to load: {trouble}",
                remedy="Don't use it; find out where it came from.",
            )
        try:
            onnx.checker.check_model(graph)
        except onnx.checker.ValidationError as error:
            raise IntegrityError("the ONNX graph breaks ONNX's own rules") from error
        return graph

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:
        """Open a session; ONNX Runtime's sessions may be run from several threads."""
        del task
        graph = self.load(files)
        runtime = load_extra("onnxruntime", "onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        try:
            session = runtime.InferenceSession(
                files[_FILE], options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise IntegrityError(
                f"ONNX Runtime can't run the graph ({type(error).__name__})",
                remedy="Export it for an operator set that this ONNX Runtime knows.",
            ) from error
        inputs, wanted = _inputs(graph), [_answer(graph).name]
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


def _matrix_feed(one: Any) -> Callable[[Any], dict[str, Any]]:
    kind = _TYPES.get(one.type.tensor_type.elem_type, np.dtype(np.float32))

    def feed(rows: npt.NDArray[np.float64]) -> dict[str, Any]:
        return {one.name: rows.astype(kind, copy=False)}

    return feed


def _columns_feed(inputs: list[Any]) -> Callable[[Any], dict[str, Any]]:
    """Return what lays a frame's columns out as the graph's inputs, by position."""

    def column(one: Any, series: pl.Series) -> npt.NDArray[Any]:
        wide = len(one.type.tensor_type.shape.dim) == 2
        if one.type.tensor_type.elem_type == _STRING:
            values = np.array(series.fill_null("").to_list(), dtype=object)
        else:
            kind = _TYPES[one.type.tensor_type.elem_type]
            filled = series.fill_null(float("nan")) if series.dtype.is_float() else series
            values = filled.to_numpy().astype(kind)
        return values.reshape(-1, 1) if wide else values

    def feed(rows: pl.DataFrame) -> dict[str, Any]:
        return {one.name: column(one, series) for one, series in zip(inputs, rows, strict=True)}

    return feed


def _inputs(graph: Any) -> list[Any]:
    """Return the graph's inputs, weights that older graphs list among them left out."""
    weights = {one.name for one in graph.graph.initializer}
    return [one for one in graph.graph.input if one.name not in weights]


def _answer(graph: Any) -> Any:
    for one in graph.graph.output:
        if one.type.tensor_type.elem_type in (_FLOAT, _DOUBLE):
            return one
    raise UsageError(
        "the ONNX graph gives no tensor of floats",
        remedy="Export a classifier with its chances as a tensor (skl2onnx: zipmap=False).",
    )


def _trouble(graph: Any) -> str:
    """Return in what way a graph reaches outside of itself; empty if it does not."""
    strange = {one.domain for one in graph.opset_import} | {one.domain for one in _nodes(graph)}
    if strange - set(_DOMAINS):
        return f"it uses operators of {', '.join(sorted(strange - set(_DOMAINS)))}"
    if any(one.data_location == _EXTERNAL for one in _tensors(graph)):
        return "it keeps weights in other files"
    known = {_FLOAT, _DOUBLE, _INT64, _INT32, _BOOL, _STRING}
    odd = [one.name for one in _inputs(graph) if one.type.tensor_type.elem_type not in known]
    return f"its input {odd[0]!r} is of no type that a column has" if odd else ""


def _graphs(graph: Any) -> Iterator[Any]:
    """Yield the graph and every graph inside its nodes."""
    queue = [graph.graph, *graph.functions]
    while queue:
        here = queue.pop()
        yield here
        for node in here.node:
            for attribute in node.attribute:
                queue += [attribute.g] if attribute.HasField("g") else []
                queue += list(attribute.graphs)


def _nodes(graph: Any) -> Iterator[Any]:
    for here in _graphs(graph):
        yield from here.node


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield every tensor that is written down in the graph."""
    for here in _graphs(graph):
        yield from getattr(here, "initializer", ())
        for one in getattr(here, "sparse_initializer", ()):
            yield from (one.values, one.indices)
        for node in here.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
