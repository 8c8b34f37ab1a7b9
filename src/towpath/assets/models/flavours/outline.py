"""The outline of an ONNX graph: what it takes and gives, and whether it reaches outside of itself.

A graph may point at files beside it (external data) or at operators that a library brings (custom
domains). The first reads what the package does not hold, the second runs what nobody here has read.

To judge that takes a small part of ONNX's schema, which is here, with the numbers of
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. ONNX Runtime brings the parser of protobuf, which
skips all else, weights and trees above all. The library `onnx` holds the whole schema, its operators and
its own checker: twenty megabytes and a tenth of a second in each gateway, for what ONNX Runtime finds out
by itself when it opens the graph.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

DOMAINS: Final = ("", "ai.onnx", "ai.onnx.ml")
FLOAT, INT64, STRING, BOOL, DOUBLE, INT32 = 1, 7, 8, 9, 11, 6  # TensorProto.DataType
_PACKAGE: Final = "towpath.onnx"
SCHEMA: Final[dict[str, dict[str, tuple[int, str]]]] = {
    "Model": {
        "graph": (7, "Graph"),
        "opset_import": (8, "Operators*"),
        "training_info": (20, "Training*"),
        "functions": (25, "Function*"),
    },
    "Operators": {"domain": (1, "text")},
    "Training": {"initialization": (1, "Graph"), "algorithm": (2, "Graph")},
    "Function": {"node": (7, "Node*"), "attribute_proto": (11, "Attribute*")},
    "Graph": {
        "node": (1, "Node*"),
        "initializer": (5, "Tensor*"),
        "input": (11, "Value*"),
        "output": (12, "Value*"),
        "sparse_initializer": (15, "Sparse*"),
    },
    "Node": {"attribute": (5, "Attribute*"), "domain": (7, "text")},
    "Attribute": {
        "t": (5, "Tensor"),
        "g": (6, "Graph"),
        "tensors": (10, "Tensor*"),
        "graphs": (11, "Graph*"),
        "sparse_tensor": (22, "Sparse"),
        "sparse_tensors": (23, "Sparse*"),
    },
    "Tensor": {"name": (8, "text"), "data_location": (14, "number")},
    "Sparse": {"values": (1, "Tensor"), "indices": (2, "Tensor")},
    "Value": {"name": (1, "text"), "type": (2, "Type")},
    "Type": {"tensor_type": (1, "TensorType")},
    "TensorType": {"elem_type": (1, "number"), "shape": (2, "Shape")},
    "Shape": {"dim": (1, "Dimension*")},
    "Dimension": {"dim_value": (1, "number")},
}
"""Message to field to its number and type; `*` for repeated ones. Names of fields are ONNX's own, so
whatever reads an outline reads a `ModelProto` as well."""


def read_outline(data: bytes) -> Any:
    """Return the outline of a graph that is safe to open.

    Raises:
        IntegrityError: It is no graph, or reaches outside of itself.
        UsageError: protobuf, which ONNX Runtime brings, is not installed.
    """
    model, unreadable = _parser()
    try:
        graph = model.FromString(data)
    except unreadable as error:
        raise IntegrityError(f"the ONNX graph can't be read: {error}") from error
    if trouble := trouble_of(graph):
        raise IntegrityError(
            f"the ONNX package is not safe to load: {trouble}",
            remedy="Don't use it; find out where it came from.",
        )
    return graph


def inputs_of(graph: Any) -> list[Any]:
    """Return the graph's inputs, weights that older graphs list among them left out."""
    weights = {one.name for one in graph.graph.initializer}
    return [one for one in graph.graph.input if one.name not in weights]


def answer_of(graph: Any) -> Any:
    """Return the output that answers: the first of floats.

    Raises:
        UsageError: There is none.
    """
    for one in graph.graph.output:
        if one.type.tensor_type.elem_type in (FLOAT, DOUBLE):
            return one
    raise UsageError(
        "the ONNX graph gives no tensor of floats",
        remedy="Export a classifier with its chances as a tensor (skl2onnx: zipmap=False).",
    )


def trouble_of(graph: Any) -> str:
    """Return in what way a graph reaches outside of itself; empty if it does not."""
    strange = {one.domain for one in graph.opset_import} | {one.domain for one in _nodes(graph)}
    if strange - set(DOMAINS):
        return f"it uses operators of {', '.join(sorted(strange - set(DOMAINS)))}"
    # Any number but that of "here": a parser that knows the enumeration reads numbers modulo 2**32, and passes
    # over one that it does not know for one that came before it.
    if any(one.data_location for one in _tensors(graph)):
        return "it keeps weights in other files"
    known = {FLOAT, DOUBLE, INT64, INT32, BOOL, STRING}
    odd = [one.name for one in inputs_of(graph) if one.type.tensor_type.elem_type not in known]
    return f"its input {odd[0]!r} is of no type that a column has" if odd else ""


def _graphs(graph: Any) -> Iterator[Any]:
    """Yield the graph, and every graph and function inside of it."""
    queue = [graph.graph, *graph.functions]
    for training in graph.training_info:
        queue += [training.initialization, training.algorithm]
    while queue:
        here = queue.pop()
        yield here
        for attribute in _attributes(here):
            queue += [attribute.g] if attribute.HasField("g") else []
            queue += list(attribute.graphs)


def _nodes(graph: Any) -> Iterator[Any]:
    for here in _graphs(graph):
        yield from here.node


def _attributes(here: Any) -> Iterator[Any]:
    """Yield what the nodes of a graph or function are told, and what a function assumes if it is not."""
    for node in here.node:
        yield from node.attribute
    yield from getattr(here, "attribute_proto", ())


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield every tensor that is written down in the graph."""
    for here in _graphs(graph):
        yield from getattr(here, "initializer", ())
        sparse = list(getattr(here, "sparse_initializer", ()))
        for attribute in _attributes(here):
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            sparse += [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
            sparse += attribute.sparse_tensors
        for one in sparse:
            yield from (one.values, one.indices)


@cache
def _parser() -> tuple[Any, type[Exception]]:
    """Return the class of outlines, and what it raises for what is none."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: PLC0415 - an extra
        from google.protobuf.message import DecodeError  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError(
            f"models of this kind need protobuf, which can't be imported: {error}",
            remedy="Install it: pip install 'towpath[onnx]'.",
            extra="onnx",
        ) from error
    kinds = descriptor_pb2.FieldDescriptorProto
    scalars = {"text": kinds.TYPE_STRING, "number": kinds.TYPE_INT64}
    # ONNX's own is proto2; in proto3 texts are held to be UTF-8 while they are read.
    file = descriptor_pb2.FileDescriptorProto(
        name="towpath/onnx_outline.proto", package=_PACKAGE, syntax="proto3"
    )
    for message, fields in SCHEMA.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            one = kind.removesuffix("*")
            label = kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL
            field = described.field.add(name=name, number=number, label=label)
            field.type = scalars.get(one, kinds.TYPE_MESSAGE)
            if one not in scalars:
                field.type_name = f".{_PACKAGE}.{one}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindMessageTypeByName(f"{_PACKAGE}.Model")
    return message_factory.GetMessageClass(found), DecodeError
