"""The floor under any HTTP model server in Python: one protocol, one model, nothing else.

    floor_server.py MODEL PORT COLUMNS

httptools cuts the stream, msgspec reads one tensor, LightGBM's C library answers. No routes, no checks, no
identity, no record, no count: what a request costs at the very least.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
from pathlib import Path
from typing import Any

import httptools
import msgspec
import numpy as np
import uvloop


class Tensor(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Request(msgspec.Struct):
    inputs: list[Tensor]


decode = msgspec.json.Decoder(Request).decode
encode = msgspec.json.Encoder().encode


class Booster:
    """A model in the C library, opened for single rows, and for several."""

    def __init__(self, text: bytes, width: int) -> None:
        import importlib.util

        found = importlib.util.find_spec("lightgbm")
        assert found is not None
        assert found.submodule_search_locations is not None
        folder = Path(found.submodule_search_locations[0])
        self._library = ctypes.CDLL(str(folder / "lib" / "lib_lightgbm.so"))
        self._handle = ctypes.c_void_p()
        iterations = ctypes.c_int()
        self._check(
            self._library.LGBM_BoosterLoadModelFromString(
                text, ctypes.byref(iterations), ctypes.byref(self._handle)
            )
        )
        self._fast = ctypes.c_void_p()
        self._check(
            self._library.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._handle, 0, 0, -1, 1, width, b"num_threads=1", ctypes.byref(self._fast)
            )
        )
        self._width = width
        self._length = ctypes.c_int64()

    def predict(self, values: list[float], rows: int) -> list[float]:
        given = np.array(values)
        out = np.empty(rows)
        where = out.ctypes.data_as(ctypes.c_void_p)
        data = given.ctypes.data_as(ctypes.c_void_p)
        length = ctypes.byref(self._length)
        if rows == 1:
            self._library.LGBM_BoosterPredictForMatSingleRowFast(self._fast, data, length, where)
        else:
            self._library.LGBM_BoosterPredictForMat(
                self._handle,
                data,
                1,
                rows,
                self._width,
                1,
                0,
                0,
                -1,
                b"num_threads=1",
                length,
                where,
            )
        return out.tolist()

    @staticmethod
    def _check(code: int) -> None:
        if code:
            raise RuntimeError("LightGBM's library refused the model")


class Protocol(asyncio.Protocol):
    def __init__(self, booster: Booster) -> None:
        self._booster = booster
        self._parser: Any = httptools.HttpRequestParser(self)
        self._body = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._body:  # somebody asks whether we are here
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            return
        (tensor,) = decode(self._body).inputs
        self._body = b""
        rows = tensor.shape[0]
        output = {"name": "p", "shape": [rows], "datatype": "FP64"}
        output["data"] = self._booster.predict(tensor.data, rows)
        body = encode({"model_name": "m", "outputs": [output]})
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (len(body), body)
        )


async def serve(booster: Booster, port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(booster), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    model, port, columns = sys.argv[1:]
    uvloop.run(serve(Booster(Path(model).read_bytes(), int(columns)), int(port)))
