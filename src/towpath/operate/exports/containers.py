"""A container that serves a bundle, as SageMaker starts it, and KServe as well.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html: the container is run with
the argument `serve`, finds the unpacked model archive below `/opt/ml/model`, and answers `GET /ping` and
`POST /invocations` on port 8080.
"""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SERVE = '''#!/usr/bin/env python3
"""Install the bundle that was mounted, then become the gateway, which ends well on SIGTERM."""

import os
import subprocess
import sys

home = os.environ.setdefault("TOWPATH_HOME", "/tmp/towpath")
bundle = os.environ.pop("TOWPATH_BUNDLE", "/opt/ml/model")
os.environ.setdefault("TOWPATH_HOST", "0.0.0.0")
os.environ.setdefault("TOWPATH_GATEWAY_PORT", os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
# SageMaker and KServe send no token; what reaches the port is theirs to decide.
if "TOWPATH_TOKEN" not in os.environ:
    os.environ.setdefault("TOWPATH_GATEWAY_ALLOW_UNAUTHENTICATED", "true")

towpath = [sys.executable, "-m", "towpath"]
subprocess.run([*towpath, "bundle", "install", bundle, "--home", home], check=True)
os.execv(sys.executable, [*towpath, "gateway", "--home", home])
'''

_DOCKERFILE = """FROM python:{python}-slim
RUN apt-get update \\
 && apt-get install --yes --no-install-recommends libgomp1 \\
 && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir '{requirement}'
COPY serve /usr/local/bin/serve
RUN chmod 0755 /usr/local/bin/serve
ENV PYTHONUNBUFFERED=1 TOWPATH_LOG_FORMAT=json
EXPOSE 8080
USER 65532:65532
ENTRYPOINT []
CMD ["serve"]
"""


def write_context(folder: Path, *, version: str, extras: Sequence[str], python: str) -> None:
    """Write what `docker build` needs: a `Dockerfile`, and the `serve` program that it starts.

    Args:
        folder: Made if it is not there.
        version: Towpath's, which is installed in the image: the one that judged the model.
        extras: Towpath's, that the model needs.
        python: Version of Python, `3.11`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = f"towpath[{','.join(extras)}]=={version}" if extras else f"towpath=={version}"
    (folder / "Dockerfile").write_text(_DOCKERFILE.format(python=python, requirement=wanted))
    serve = folder / "serve"
    serve.write_text(_SERVE)
    serve.chmod(0o755)


def write_model_archive(bundle: Path, archive: Path) -> None:
    """Write a bundle as `model.tar.gz`: what SageMaker unpacks into `/opt/ml/model`.

    The same bundle gives the same members; times and owners are left out.
    """
    with tarfile.open(archive, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(one for one in bundle.rglob("*") if one.is_file()):
            data = path.read_bytes()
            member = tarfile.TarInfo(str(path.relative_to(bundle)))
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
