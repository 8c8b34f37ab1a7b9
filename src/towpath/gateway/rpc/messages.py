"""The protocol's messages, made from a table: fields and numbers are all that the wire knows.

They live in a descriptor pool of their own, because Triton's and KServe's clients register messages of
the same names, and one process may well hold both. What is nested in other descriptions of the protocol is
not here, and a map is the repeated entry that it is on the wire.
https://github.com/open-inference/open-inference-protocol, `specification/protocol/open_inference_grpc.proto`;
the repository's messages as Triton and KServe have them, which differ: see `RepositoryModelLoadRequest`.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE: Final = "inference"
SERVICE: Final = f"{PACKAGE}.GRPCInferenceService"

# By message: `[repeated] TYPE NAME`, numbered from one. The fields of CHOICES exclude each other.
_MESSAGES: Final[dict[str, tuple[str, ...]]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ("bool live",),
    "ServerReadyRequest": (),
    "ServerReadyResponse": ("bool ready",),
    "ModelReadyRequest": ("string name", "string version"),
    "ModelReadyResponse": ("bool ready",),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": ("string name", "string version", "repeated string extensions"),
    "ModelMetadataRequest": ("string name", "string version"),
    "TensorMetadata": ("string name", "string datatype", "repeated int64 shape"),
    "ModelMetadataResponse": (
        "string name",
        "repeated string versions",
        "string platform",
        "repeated TensorMetadata inputs",
        "repeated TensorMetadata outputs",
    ),
    "InferParameter": (
        "bool bool_param",
        "int64 int64_param",
        "string string_param",
        "double double_param",
        "uint64 uint64_param",
    ),
    "ParameterEntry": ("string key", "InferParameter value"),
    "InferTensorContents": (
        "repeated bool bool_contents",
        "repeated int32 int_contents",
        "repeated int64 int64_contents",
        "repeated uint32 uint_contents",
        "repeated uint64 uint64_contents",
        "repeated float fp32_contents",
        "repeated double fp64_contents",
        "repeated bytes bytes_contents",
    ),
    "InferTensor": (
        "string name",
        "string datatype",
        "repeated int64 shape",
        "repeated ParameterEntry parameters",
        "InferTensorContents contents",
    ),
    "InferRequestedOutputTensor": ("string name", "repeated ParameterEntry parameters"),
    "ModelInferRequest": (
        "string model_name",
        "string model_version",
        "string id",
        "repeated ParameterEntry parameters",
        "repeated InferTensor inputs",
        "repeated InferRequestedOutputTensor outputs",
        "repeated bytes raw_input_contents",
    ),
    "ModelInferResponse": (
        "string model_name",
        "string model_version",
        "string id",
        "repeated ParameterEntry parameters",
        "repeated InferTensor outputs",
        "repeated bytes raw_output_contents",
    ),
    "RepositoryIndexRequest": ("string repository_name", "bool ready"),
    "ModelIndex": ("string name", "string version", "string state", "string reason"),
    "RepositoryIndexResponse": ("repeated ModelIndex models",),
    # KServe's clients put the model's name where Triton's put the repository's, and read an answer, of
    # which Triton's know nothing.
    "RepositoryModelLoadRequest": ("string repository_or_model_name", "string model_name"),
    "RepositoryModelLoadResponse": ("string model_name", "bool is_loaded"),
    "RepositoryModelUnloadRequest": ("string repository_or_model_name", "string model_name"),
    "RepositoryModelUnloadResponse": ("string model_name", "bool is_unloaded"),
}
_CHOICES: Final = {"InferParameter": "parameter_choice"}
_FIELD: Final = descriptor_pb2.FieldDescriptorProto
METHODS: Final = tuple(
    name.removesuffix("Request")
    for name in _MESSAGES
    if name.endswith("Request") and name.removesuffix("Request") + "Response" in _MESSAGES
)


def _described() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="towpath/open_inference.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if name in _CHOICES:
            message.oneof_decl.add(name=_CHOICES[name])
        for number, text in enumerate(fields, start=1):
            *repeated, kind, field = text.split()
            added = message.field.add(name=field, number=number)
            added.label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            if kind in _MESSAGES:
                added.type, added.type_name = _FIELD.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
            else:
                added.type = _FIELD.Type.Value(f"TYPE_{kind.upper()}")
            if name in _CHOICES:
                added.oneof_index = 0
    return file


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_described())


def message(name: str) -> Any:
    """Return the class of a message. Protobuf makes it at run time, so no type checker knows it."""
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


ModelInferResponse: Final = message("ModelInferResponse")
