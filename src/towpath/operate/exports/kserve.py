"""A service on KServe: a runtime that knows bundles, and an inference service that names one.

https://kserve.github.io/website/docs/reference/crd-api, `serving.kserve.io/v1alpha1` and `v1beta1`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORT = 8080
_MOUNT = "/mnt/models"
_RUNTIME = "towpath"


@dataclass(frozen=True, slots=True, kw_only=True)
class KServeOptions:
    """How a service is to run.

    Attributes:
        image: Image that was built from the container context.
        uri: Where the bundle was put: `s3://…`, `gs://…`, `pvc://…`, whatever KServe fetches from.
        namespace: Kubernetes namespace; that of whoever applies it if None.
        cpu: Cores, as Kubernetes writes them.
        memory: Memory, likewise.
        min_replicas: Fewest pods.
        max_replicas: Most pods.
        env: Further environment variables, such as `TOWPATH_LOG_LEVEL` or `OTEL_…`.
    """

    image: str
    uri: str
    namespace: str | None = None
    cpu: str = "1"
    memory: str = "1Gi"
    min_replicas: int = 1
    max_replicas: int = 3
    env: Mapping[str, str] = field(default_factory=dict[str, str])


def kserve_documents(service: str, options: KServeOptions) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the `ServingRuntime` and the `InferenceService`.

    Pods answer without a token: keep strangers away by the mesh or a network policy. Readiness is the
    gateway's own, so a pod takes traffic when its model has answered; SIGTERM drains it.
    """
    meta: dict[str, Any] = {} if options.namespace is None else {"namespace": options.namespace}
    resources = {
        "requests": {"cpu": options.cpu, "memory": options.memory},
        "limits": {"cpu": options.cpu, "memory": options.memory},
    }
    env = {
        "TOWPATH_BUNDLE": _MOUNT,
        "TOWPATH_GATEWAY_ALLOW_UNAUTHENTICATED": "true",
        "TOWPATH_GATEWAY_LINGER_S": "5",
        "TOWPATH_GATEWAY_PORT": str(_PORT),
        "TOWPATH_HOST": "0.0.0.0",  # noqa: S104 - of a pod, where the mesh keeps strangers out
        **options.env,
    }
    container = {
        "name": "kserve-container",
        "image": options.image,
        "args": ["serve"],
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "ports": [{"containerPort": _PORT, "protocol": "TCP"}],
        "resources": resources,
        "startupProbe": _probe("/v2/health/ready", period_s=1, failures=60),
        "readinessProbe": _probe("/v2/health/ready", period_s=5, failures=2),
        "livenessProbe": _probe("/v2/health/live", period_s=10, failures=3),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
        },
    }
    runtime = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": _RUNTIME, **meta},
        "spec": {
            "annotations": {
                "prometheus.kserve.io/port": str(_PORT),
                "prometheus.kserve.io/path": "/metrics",
            },
            "supportedModelFormats": [{"name": "towpath", "version": "1", "autoSelect": True}],
            "protocolVersions": ["v2"],
            "containers": [container],
        },
    }
    served = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": service, **meta},
        "spec": {
            "predictor": {
                "minReplicas": options.min_replicas,
                "maxReplicas": options.max_replicas,
                "model": {
                    "modelFormat": {"name": "towpath", "version": "1"},
                    "runtime": _RUNTIME,
                    "protocolVersion": "v2",
                    "storageUri": options.uri,
                    "resources": resources,
                },
            }
        },
    }
    return runtime, served


def _probe(path: str, *, period_s: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": _PORT},
        "periodSeconds": period_s,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }
