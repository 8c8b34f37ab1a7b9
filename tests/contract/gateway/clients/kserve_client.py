"""Asks a gateway through KServe's clients, REST and gRPC; prints what they understood as JSON.

Run in an environment that has `kserve` and nothing of ours: kserve_client.py URL GRPC < rows.json
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

KINDS = {"BOOL": np.bool_, "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_}


def inputs(rows: dict[str, list[Any]], *, as_bytes: bool) -> list[InferInput]:
    made = []
    for name, values in rows.items():
        kind = KINDS.get(name) or np.dtype(name.lower())
        given = [one.encode() for one in values] if name == "BYTES" and as_bytes else values
        tensor = InferInput(name, [len(values)], name)
        tensor.set_data_from_numpy(np.array(given, dtype=kind), binary_data=as_bytes)
        made.append(tensor)
    return made


def answer_of(response: Any) -> dict[str, Any]:
    (output,) = response.outputs
    return {
        "id": response.id,
        "name": output.name,
        "values": output.as_numpy().tolist(),
    }


async def over_rest(url: str, rows: dict[str, list[Any]]) -> dict[str, Any]:
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    told: dict[str, Any] = {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model ready": await client.is_model_ready(url, "board"),
    }
    for kind, as_bytes in (("json", False), ("bytes", True)):
        asked = InferRequest("board", inputs(rows, as_bytes=as_bytes), request_id=kind)
        told[kind] = answer_of(await client.infer(url, asked, model_name="board"))
    wrong = InferRequest("board", inputs({"FP64": [1.0]}, as_bytes=False))
    try:
        await client.infer(url, wrong, model_name="board")
    except Exception as error:
        told["refusal"] = str(error)
    await client.close()
    return told


async def over_grpc(address: str, rows: dict[str, list[Any]]) -> dict[str, Any]:
    client = InferenceGRPCClient(address, retries=0)
    told: dict[str, Any] = {
        "live": await client.is_server_live(),
        "ready": await client.is_server_ready(),
        "model ready": await client.is_model_ready("board"),
    }
    for kind, as_bytes in (("typed", False), ("raw", True)):
        asked = InferRequest("board", inputs(rows, as_bytes=as_bytes), request_id=kind)
        told[kind] = answer_of(await client.infer(asked))
    wrong = InferRequest("board", inputs({"FP64": [1.0]}, as_bytes=False))
    try:
        await client.infer(wrong)
    except Exception as error:
        told["refusal"] = str(error)
    await client.close()
    return told


async def main() -> None:
    rows = json.load(sys.stdin)
    said = {"rest": await over_rest(sys.argv[1], rows), "grpc": await over_grpc(sys.argv[2], rows)}
    print(json.dumps(said))


asyncio.run(main())
