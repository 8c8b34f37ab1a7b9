"""A fitted estimator of scikit-learn as an ONNX graph in 64 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from towpath.assets.models.compiling.lines import Line, read_line
from towpath.assets.models.compiling.trees import Trees, read_trees
from towpath.assets.models.flavours.extras import load_extra
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from towpath.assets.models.execution import Link
    from towpath.assets.models.flavours import Form
    from towpath.assets.models.inputs import Inputs

_ROWS = "rows"
_ANSWER = "answer"
_MAIN, _TREES = 18, 5  # operator sets of ONNX, and of its models of trees and lines
_CONVERTER_TREES = 3  # the newest that skl2onnx writes
_IR = 9
_KEEPING = ("ArrayFeatureExtractor", "LabelEncoder", "OneHotEncoder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A graph that gives raw scores, and what turns them into answers."""

    data: bytes
    link: Link


def convert(estimator: Any, inputs: Inputs, form: Form) -> Graph:
    """Convert a fitted estimator, or a pipeline of them.

    Trees and lines are written here, everything else by skl2onnx with 64-bit inputs. Neither promises
    the same answers: whoever uses the graph compares first.

    Args:
        estimator: What scikit-learn fitted.
        inputs: Its columns.
        form: What it is called with; the graph is called with the same.

    Raises:
        UsageError: It can't be converted, or only to a graph that compares in 32 bits; says why.
    """
    load_extra("onnx", "onnx")
    steps = getattr(estimator, "steps", None)
    last = steps[-1][1] if steps else estimator
    tail = read_trees(last) or read_line(last)
    if tail is None:
        return Graph(data=_written(estimator, inputs, form, last), link="identity")
    if steps and len(steps) > 1:
        return Graph(data=_behind(estimator[:-1], inputs, form, tail), link=tail.link)
    if form == "frame":
        raise UsageError("it was fitted on a frame without a preparation of its columns")
    return convert_trees(tail, len(inputs.columns))


def convert_trees(trees: Trees | Line, width: int) -> Graph:
    """Return the graph of trees, or a line, that take a matrix of so many columns."""
    load_extra("onnx", "onnx")
    return Graph(data=_alone(trees, width), link=trees.link)


def _alone(tail: Trees | Line, width: int) -> bytes:
    """Return a graph that takes the matrix."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - an extra

    nodes, constants = tail.nodes(_ROWS, _ANSWER)
    given = helper.make_tensor_value_info(_ROWS, TensorProto.DOUBLE, [None, width])
    answer = helper.make_tensor_value_info(_ANSWER, TensorProto.DOUBLE, [None, 1])
    graph = helper.make_graph(nodes, "model", [given], [answer], constants)
    opsets = [helper.make_opsetid("", _MAIN), helper.make_opsetid("ai.onnx.ml", _TREES)]
    return _encoded(helper.make_model(graph, opset_imports=opsets, ir_version=_IR))


def _behind(preparation: Any, inputs: Inputs, form: Form, tail: Trees | Line) -> bytes:
    """Return a graph of trees, or a line, behind a preparation."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - an extra

    model = _converted(preparation, inputs, form, {})
    (prepared,) = model.graph.output
    exact = prepared.type.tensor_type.elem_type == TensorProto.DOUBLE and not _rounds(model)
    if isinstance(tail, Trees) and not exact:
        raise UsageError("its preparation rounds to 32 bits, and trees compare exactly")
    nodes, constants = tail.nodes(prepared.name, _ANSWER)
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(constants)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(_ANSWER, TensorProto.DOUBLE, [None, 1]))
    # What skl2onnx writes below `ai.onnx.ml` means the same in the newer operator set.
    for one in [one for one in model.opset_import if one.domain == "ai.onnx.ml"]:
        model.opset_import.remove(one)
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", _TREES))
    return _encoded(model)


def _rounds(model: Any) -> bool:
    """Tell whether numbers pass through 32 bits; codes and indicators may, since they stay what they are."""
    from onnx import TensorProto  # noqa: PLC0415 - an extra

    for node in model.graph.node:
        if node.domain == "ai.onnx.ml" and node.op_type not in _KEEPING:
            return True
        if node.op_type == "Cast" and node.attribute[0].i == TensorProto.FLOAT:
            return True
    return False


def _written(estimator: Any, inputs: Inputs, form: Form, last: Any) -> bytes:
    """Return what skl2onnx makes of the whole."""
    options = {id(last): {"zipmap": False}} if hasattr(last, "predict_proba") else {}
    model = _converted(estimator, inputs, form, options)
    if any(node.op_type.startswith("TreeEnsemble") for node in model.graph.node):
        raise UsageError("the trees inside of it would compare in 32 bits")
    return _encoded(model)


def _converted(estimator: Any, inputs: Inputs, form: Form, options: dict[int, Any]) -> Any:
    skl2onnx = load_extra("skl2onnx", "onnx")
    try:
        return skl2onnx.convert_sklearn(
            estimator,
            name="model",
            initial_types=_types(inputs, form),
            options=options,
            target_opset={"": _MAIN, "ai.onnx.ml": _CONVERTER_TREES},
        )
    except Exception as error:  # whatever a converter meets: it fails in many ways
        raise UsageError(f"skl2onnx can't convert it ({type(error).__name__})") from error


def _types(inputs: Inputs, form: Form) -> list[tuple[str, Any]]:
    """Return the graph's inputs: one matrix, or one of each column."""
    kinds = load_extra("skl2onnx.common.data_types", "onnx")
    if form == "matrix":
        return [(_ROWS, kinds.DoubleTensorType([None, len(inputs.columns)]))]
    if len(inputs.columns) < 2:
        raise UsageError("it takes a frame of one column")
    # Numbers of every width are given in 64 bits: what a converter makes of narrower ones is narrower.
    names = {"BYTES": "StringTensorType"}
    return [
        (column.name, getattr(kinds, names.get(column.datatype, "DoubleTensorType"))([None, 1]))
        for column in inputs.columns
    ]


def _encoded(model: Any) -> bytes:
    """Return the graph's bytes, without what differs from one conversion to the next."""
    model.doc_string = model.graph.doc_string = ""
    return model.SerializeToString(deterministic=True)
