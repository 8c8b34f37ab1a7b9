"""The peers of `serving`: each in an environment of its own, made of cached packages and thrown away."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.feature_home import free_port
from benchmarks.harness import PEERS as SCRIPTS
from benchmarks.serving_load import COLUMNS, Server, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INSTALL_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A model server.

    Attributes:
        packages: What its environment holds.
        path: Where it takes rows.
        ready: What answers once it does.
        form: How the rows lie in its JSON: `inputs` and `rows` are lists of lists under that name,
            `tensor` is the Open Inference Protocol.
    """

    packages: tuple[str, ...]
    path: str
    ready: str
    form: str = "tensor"


_INFER, _READY = "/v2/models/peer/infer", "/v2/models/peer/ready"
# Its workers ask uvloop for a loop that newer ones don't make, and die.
_MLSERVER = ("mlserver", "mlserver-lightgbm", "lightgbm", "uvloop<0.22")
PEERS = {
    "mlserver-0": Peer(packages=_MLSERVER, path=_INFER, ready=_READY),
    "mlserver": Peer(packages=_MLSERVER, path=_INFER, ready=_READY),
    "kserve": Peer(packages=("kserve", "lightgbm"), path=_INFER, ready=_READY),
    "fastapi": Peer(
        packages=("fastapi", "uvicorn[standard]", "pydantic", "lightgbm"), path=_INFER, ready="/"
    ),
    "bentoml": Peer(
        packages=("bentoml", "lightgbm"), path="/predict", ready="/readyz", form="rows"
    ),
    "litserve": Peer(
        packages=("litserve", "lightgbm"), path="/predict", ready="/health", form="rows"
    ),
    "mlflow": Peer(
        packages=("mlflow", "lightgbm"), path="/invocations", ready="/ping", form="inputs"
    ),
    "ray": Peer(packages=("ray[serve]", "lightgbm"), path="/", ready="/", form="rows"),
}


@contextmanager
def peer_server(name: str, model: Path, folder: Path) -> Iterator[Server]:
    """Run a peer over a model for the duration of a block.

    Raises:
        RuntimeError: It can't be installed, or does not answer; says why.
    """
    peer = PEERS[name]
    python = _environment(folder / "env", peer.packages)
    port = free_port()
    script = str(SCRIPTS / "model_server.py")
    own = folder / "model.txt"
    own.write_bytes(model.read_bytes())
    command = [python, script, name, str(own), str(port), str(COLUMNS)]
    with running(command, folder) as process:
        yield Server(process, port, peer.path, peer.ready, form=peer.form)


def _environment(folder: Path, packages: tuple[str, ...]) -> str:
    """Make an environment, and return its interpreter."""
    python = str(folder / "bin" / "python")
    environ = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    for command in (
        ["uv", "venv", "--quiet", "--python", sys.executable, str(folder)],
        ["uv", "pip", "install", "--quiet", "--python", python, *packages],
    ):
        try:
            done = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                timeout=_INSTALL_S,
                env=environ,
                cwd=folder.parent,  # this project's settings choose for nobody else
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RuntimeError(f"can't be installed ({type(error).__name__})") from error
        if done.returncode:
            raise RuntimeError(f"can't be installed: {done.stderr.strip()[-300:]}")
    return python
