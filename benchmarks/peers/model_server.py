"""Serves one LightGBM model by a peer's own means, with what it has on by default, until killed.

    model_server.py PEER MODEL PORT COLUMNS

Each peer's way is the one that its documentation shows; where it takes the Open Inference Protocol, it is asked
in that. LightGBM computes with one thread everywhere, as ours and the floor's do.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"


def booster(model: str) -> Any:
    import lightgbm

    return lightgbm.Booster(model_file=model)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def fastapi(model: str, port: int, columns: int) -> None:
    import numpy as np
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Tensor(BaseModel):
        name: str
        shape: list[int]
        datatype: str
        data: list[float]

    class Request(BaseModel):
        inputs: list[Tensor]

    class Response(BaseModel):
        model_name: str
        outputs: list[Tensor]

    app, found = FastAPI(), booster(model)

    @app.get("/")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    async def infer(request: Request) -> Response:
        (tensor,) = request.inputs
        answers = found.predict(np.array(tensor.data).reshape(-1, columns), num_threads=1)
        output = Tensor(name="p", shape=[len(answers)], datatype="FP64", data=answers.tolist())
        return Response(model_name="peer", outputs=[output])

    infer.__annotations__ = {"request": Request, "return": Response}  # texts name nothing local
    app.post("/v2/models/peer/infer")(infer)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def litserve(model: str, port: int, _columns: int) -> None:
    # Its workers are spawned and import the service, so it has to be a module.
    (Path(model).parent / "litserve_peer.py").write_text(
        f"""
import lightgbm, litserve, numpy as np


class Peer(litserve.LitAPI):
    def setup(self, device):
        self.booster = lightgbm.Booster(model_file={model!r})

    def decode_request(self, request):
        return np.array(request["rows"])

    def predict(self, x):
        return self.booster.predict(x, num_threads=1)

    def encode_response(self, output):
        return {{"answers": output.tolist()}}


if __name__ == "__main__":
    server = litserve.LitServer(Peer(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port={port}, generate_client_file=False, log_level="warning")
"""
    )
    os.chdir(Path(model).parent)
    os.execv(sys.executable, [sys.executable, "litserve_peer.py"])


def bentoml(model: str, port: int, _columns: int) -> None:
    folder = Path(model).parent
    (folder / "bento_peer.py").write_text(
        f"""
import bentoml, lightgbm, numpy as np


@bentoml.service(workers=1)
class Peer:
    def __init__(self) -> None:
        self.booster = lightgbm.Booster(model_file={model!r})

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        return self.booster.predict(np.array(rows), num_threads=1).tolist()
"""
    )
    os.chdir(folder)
    command = ["-m", "bentoml", "serve", "bento_peer:Peer", "--host", "127.0.0.1"]
    os.environ["BENTOML_DO_NOT_TRACK"] = "true"
    os.execv(sys.executable, [sys.executable, *command, "--port", str(port)])


def mlserver(model: str, port: int, _columns: int, *, workers: int | None = None) -> None:
    folder = Path(model).parent / f"mlserver-{workers}"
    folder.mkdir(exist_ok=True)
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
    }
    if workers is not None:
        settings["parallel_workers"] = workers
    (folder / "settings.json").write_text(json.dumps(settings))
    described = {
        "name": "peer",
        "implementation": "mlserver_lightgbm.LightGBMModel",
        "parameters": {"uri": model},
    }
    (folder / "model-settings.json").write_text(json.dumps(described))
    start = "from mlserver.cli import main; main()"
    os.execv(sys.executable, [sys.executable, "-c", start, "start", str(folder)])


def mlserver_0(model: str, port: int, columns: int) -> None:
    mlserver(model, port, columns, workers=0)


def kserve(model: str, port: int, columns: int) -> None:
    import numpy as np
    from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

    class Peer(Model):
        def load(self) -> bool:
            self.booster = booster(model)
            self.ready = True
            return True

        def predict(self, payload: InferRequest, *_: Any, **__: Any) -> InferResponse:
            rows = np.array(payload.inputs[0].data).reshape(-1, columns)
            answers = self.booster.predict(rows, num_threads=1)
            output = InferOutput("p", [len(answers)], "FP64", answers.tolist())
            return InferResponse(payload.id or "0", self.name, [output])

    peer = Peer("peer")
    peer.load()
    ModelServer(http_port=port, enable_grpc=False, access_log_format=None).start([peer])


def mlflow(model: str, port: int, _columns: int) -> None:
    import mlflow.lightgbm

    folder = Path(model).parent / "mlflow"
    if not folder.exists():
        mlflow.lightgbm.save_model(booster(model), str(folder))
    # It looks for uvicorn as a program.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["-m", "mlflow", "models", "serve", "-m", str(folder), "-h", "127.0.0.1"]
    os.execv(
        sys.executable,
        [sys.executable, *command, "-p", str(port), "--env-manager", "local"],
    )


def ray(model: str, port: int, _columns: int) -> None:
    import logging
    import threading

    import numpy as np
    from ray import init, serve
    from starlette.requests import Request  # noqa: TC002 - Ray reads the annotation

    @serve.deployment
    class Peer:
        def __init__(self) -> None:
            self.booster = booster(model)

        async def __call__(self, request: Request) -> dict[str, Any]:
            if request.method == "GET":
                return {"ready": True}
            rows = np.array((await request.json())["rows"])
            return {"answers": self.booster.predict(rows, num_threads=1).tolist()}

    init(include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Peer.bind())
    threading.Event().wait()


SERVERS = {
    "fastapi": fastapi,
    "litserve": litserve,
    "bentoml": bentoml,
    "mlserver": mlserver,
    "mlserver-0": mlserver_0,
    "kserve": kserve,
    "mlflow": mlflow,
    "ray": ray,
}

if __name__ == "__main__":
    peer, model, port, columns = sys.argv[1:]
    SERVERS[peer](model, int(port), int(columns))
