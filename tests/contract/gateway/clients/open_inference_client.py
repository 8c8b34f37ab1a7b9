"""Asks a gateway through the Open Inference Protocol's own clients; prints what they understood as JSON.

Run in an environment that has `open-inference-openapi`, `open-inference-grpc`, `grpcio` and `protobuf`,
and nothing of ours: open_inference_client.py URL GRPC < rows.json
"""

from __future__ import annotations

import json
import sys
from typing import Any

import grpc
from open_inference.grpc import protocol
from open_inference.grpc.service import GRPCInferenceServiceStub
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.core.api_error import ApiError
from open_inference.openapi.errors import BadRequestError
from open_inference.openapi.types import InferenceRequest, RequestInput

CONTENTS = {
    "BOOL": "bool_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
    "UINT64": "uint64_contents",
    "INT64": "int64_contents",
}


def over_rest(url: str, rows: dict[str, list[Any]]) -> dict[str, Any]:
    client = OpenInferenceClient(base_url=url)
    for check in (client.check_server_liveness, client.check_server_readiness):
        check()
    client.check_model_readiness("board")
    client.check_model_version_readiness("board", "1")
    metadata = client.read_model_metadata("board")
    versioned = client.read_model_version_metadata("board", "1")
    tensors = [
        RequestInput(name=name, shape=[len(values)], datatype=name, data=values)
        for name, values in rows.items()
    ]
    request = InferenceRequest(id="7", inputs=tensors)
    told: dict[str, Any] = {
        "server": client.read_server_metadata().name,
        "versions": metadata.versions,
        "inputs": [one.name for one in metadata.inputs],
        "versioned inputs": [one.name for one in versioned.inputs],
    }
    for kind, answer in (
        ("json", client.model_infer("board", request=request)),
        ("versioned", client.model_version_infer("board", "1", request=request)),
    ):
        (output,) = answer.outputs
        told[kind] = {
            "id": answer.id,
            "version": answer.model_version,
            "name": output.name,
            "values": json.loads(output.json())["data"],
        }
    try:
        client.model_infer("board", request=InferenceRequest(inputs=tensors[:1]))
    except BadRequestError as error:
        told["refusal"] = str(error.body)
    try:
        client.model_infer("nobody", request=request)
    except ApiError as error:
        told["unknown"] = f"{error.status_code} {error.body}"
    return told


def over_grpc(address: str, rows: dict[str, list[Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    with grpc.insecure_channel(address) as channel:
        stub = GRPCInferenceServiceStub(channel)
        told["live"] = stub.ServerLive(protocol.ServerLiveRequest()).live
        told["ready"] = stub.ServerReady(protocol.ServerReadyRequest()).ready
        asked = protocol.ModelReadyRequest(name="board", version="1")
        told["model ready"] = stub.ModelReady(asked).ready
        told["server"] = stub.ServerMetadata(protocol.ServerMetadataRequest()).name
        metadata = stub.ModelMetadata(protocol.ModelMetadataRequest(name="board"))
        told["versions"] = list(metadata.versions)
        told["inputs"] = [one.name for one in metadata.inputs]
        answer = stub.ModelInfer(infer_request("board", rows))
        (output,) = answer.outputs
        told["typed"] = {
            "id": answer.id,
            "version": answer.model_version,
            "name": output.name,
            "values": list(output.contents.fp64_contents),
        }
        try:
            stub.ModelInfer(infer_request("board", {"FP64": [1.0]}))
        except grpc.RpcError as error:
            told["refusal"] = error.details()
        try:
            stub.ModelInfer(infer_request("nobody", rows))
        except grpc.RpcError as error:
            told["unknown"] = error.details()
    return told


def infer_request(model: str, rows: dict[str, list[Any]]) -> Any:
    request = protocol.ModelInferRequest(model_name=model, id="7")
    for name, values in rows.items():
        tensor = request.inputs.add(name=name, datatype=name, shape=[len(values)])
        field = CONTENTS.get(name) or ("uint" if name.startswith("U") else "int") + "_contents"
        given = [one.encode() for one in values] if name == "BYTES" else values
        getattr(tensor.contents, field).extend(given)
    return request


rows = json.load(sys.stdin)
print(json.dumps({"rest": over_rest(sys.argv[1], rows), "grpc": over_grpc(sys.argv[2], rows)}))
