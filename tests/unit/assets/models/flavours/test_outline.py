"""What is refused in an ONNX graph is found without the library that wrote it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from towpath.assets.models.flavours import FORMATS
from towpath.assets.models.flavours.outline import SCHEMA, read_outline
from towpath.core.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Callable

onnx = pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")

OURS = {
    "Model": "ModelProto",
    "Operators": "OperatorSetIdProto",
    "Training": "TrainingInfoProto",
    "Function": "FunctionProto",
    "Graph": "GraphProto",
    "Node": "NodeProto",
    "Attribute": "AttributeProto",
    "Tensor": "TensorProto",
    "Sparse": "SparseTensorProto",
    "Value": "ValueInfoProto",
    "Type": "TypeProto",
    "TensorType": "TypeProto.Tensor",
    "Shape": "TensorShapeProto",
    "Dimension": "TensorShapeProto.Dimension",
}


@pytest.fixture
def graph() -> Any:
    """Twice its input, `(n, 2)`, added up."""
    helper, double = onnx.helper, onnx.TensorProto.DOUBLE
    nodes = [
        helper.make_node("Mul", ["rows", "two"], ["doubled"]),
        helper.make_node("ReduceSum", ["doubled", "axis"], ["answer"], keepdims=1),
    ]
    made = helper.make_graph(
        nodes,
        "doubling",
        [helper.make_tensor_value_info("rows", double, [None, 2])],
        [helper.make_tensor_value_info("answer", double, [None, 1])],
        [
            onnx.numpy_helper.from_array(np.array([2.0]), "two"),
            onnx.numpy_helper.from_array(np.array([1]), "axis"),
        ],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize("message", SCHEMA)
def test_fields_have_the_numbers_and_types_that_onnx_gives_them(message: str) -> None:
    theirs: Any = onnx
    for part in OURS[message].split("."):
        theirs = getattr(theirs, part)
    fields = theirs.DESCRIPTOR.fields_by_name
    for name, (number, kind) in SCHEMA[message].items():
        field, one = fields[name], kind.removesuffix("*")
        assert (field.number, field.is_repeated) == (number, kind != one), f"{message}.{name}"
        if one in OURS:
            assert field.message_type.full_name == f"onnx.{OURS[one]}"
        else:
            assert (field.type == field.TYPE_STRING) == (one == "text")


def test_every_place_where_onnx_keeps_tensors_and_nodes_is_in_the_outline() -> None:
    """A place that a newer ONNX adds must be looked into as well."""
    watched = {"TensorProto", "SparseTensorProto", "NodeProto", "GraphProto", "FunctionProto"}
    ours = {theirs: name for name, theirs in OURS.items()}
    for theirs, name in ours.items():
        descriptor = onnx
        for part in theirs.split("."):
            descriptor = getattr(descriptor, part)
        for field in descriptor.DESCRIPTOR.fields:
            if field.message_type is not None and field.message_type.name in watched:
                assert field.name in SCHEMA[name], f"{theirs}.{field.name}"


def far_tensor(tensor: Any) -> None:
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="passwd")


def attribute(graph: Any) -> Any:
    return graph.graph.node[0].attribute.add(name="more")


PLACES: dict[str, Callable[[Any], Any]] = {
    "a weight": lambda graph: graph.graph.initializer.add(),
    "a sparse weight": lambda graph: graph.graph.sparse_initializer.add().values,
    "its indices": lambda graph: graph.graph.sparse_initializer.add().indices,
    "an attribute": lambda graph: attribute(graph).t,
    "one of several": lambda graph: attribute(graph).tensors.add(),
    "a sparse attribute": lambda graph: attribute(graph).sparse_tensor.values,
    "one of several sparse ones": lambda graph: attribute(graph).sparse_tensors.add().indices,
    "a branch": lambda graph: attribute(graph).g.initializer.add(),
    "a branch of a branch": lambda graph: (
        attribute(graph).graphs.add().node.add().attribute.add().g.initializer.add()
    ),
    "a function": lambda graph: graph.functions.add().node.add().attribute.add().t,
    "a function's default": lambda graph: graph.functions.add().attribute_proto.add().t,
    "a training": lambda graph: graph.training_info.add().initialization.initializer.add(),
}


@pytest.mark.parametrize("place", PLACES)
def test_weights_in_other_files_are_found_wherever_they_are(graph: Any, place: str) -> None:
    read_outline(graph.SerializeToString())
    far_tensor(PLACES[place](graph))
    with pytest.raises(IntegrityError, match="other files"):
        read_outline(graph.SerializeToString())


def test_weights_that_point_elsewhere_only_in_a_part_that_is_merged_are_found(graph: Any) -> None:
    """Protobuf adds up what a message holds twice, so a graph may come in pieces."""
    more = onnx.ModelProto()
    far_tensor(more.graph.initializer.add(name="three", data_type=onnx.TensorProto.DOUBLE))
    with pytest.raises(IntegrityError, match="other files"):
        read_outline(graph.SerializeToString() + more.SerializeToString())


@pytest.mark.parametrize(
    "location",
    [
        pytest.param(b"\x70\x81\x80\x80\x80\x10", id="with a bit beyond 32"),
        pytest.param(b"\x70\x01\x70\x02", id="with an unknown one after it"),
    ],
)
def test_weights_in_other_files_are_found_however_it_is_written_that_they_are(
    graph: Any, location: bytes
) -> None:
    assert onnx.TensorProto.FromString(location).data_location == onnx.TensorProto.EXTERNAL
    planted = b"\x2a" + bytes([len(location)]) + location  # an initializer
    with pytest.raises(IntegrityError, match="other files"):
        read_outline(graph.SerializeToString() + b"\x3a" + bytes([len(planted)]) + planted)


@pytest.mark.parametrize(
    "plant",
    [
        lambda graph: graph.graph.node.add(domain="com.example"),
        lambda graph: graph.opset_import.add(domain="com.example"),
        lambda graph: attribute(graph).g.node.add(domain="com.example"),
        lambda graph: graph.functions.add().node.add(domain="com.example"),
    ],
)
def test_operators_of_others_are_found_wherever_they_are(graph: Any, plant: Any) -> None:
    plant(graph)
    with pytest.raises(IntegrityError, match=r"com\.example"):
        read_outline(graph.SerializeToString())


@pytest.mark.parametrize("data", [b"\xff", b"\x3a\x05abc", b"\x42\x04\x0a\x02\xff\xfe"])
def test_what_is_no_graph_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="can't be read"):
        read_outline(data)


def test_what_was_looked_at_is_what_is_opened(graph: Any) -> None:
    """Bytes may be a graph and say that they are ONNX Runtime's own format, in which nobody looked."""
    disguised = b"\x12\x06xyORTM" + graph.SerializeToString()
    assert disguised[4:8] == b"ORTM"
    score = FORMATS["onnx"].scorer({"model.onnx": disguised}, "regression", threads=1)
    assert score(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [6.0, 14.0]


def test_a_graph_answers_where_onnx_is_not_imported(graph: Any) -> None:
    program = (
        "import sys; from towpath.assets.models.flavours import FORMATS\n"
        "data = sys.stdin.buffer.read()\n"
        "FORMATS['onnx'].scorer({'model.onnx': data}, 'regression', threads=1)\n"
        "sys.exit('onnx' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=graph.SerializeToString(), check=False
    )
    assert done.returncode == 0
