"""What other platforms run of Towpath: bundles of a service, and documents that name them."""

from towpath.operate.exports.airflow import airflow_dag
from towpath.operate.exports.bundles import Bundle, install_bundle, write_bundle
from towpath.operate.exports.containers import write_context, write_model_archive
from towpath.operate.exports.documents import to_yaml
from towpath.operate.exports.kserve import KServeOptions, kserve_documents
from towpath.operate.exports.kubeflow import kubeflow_pipeline
from towpath.operate.exports.parameters import Parameter, PipelineExport, parameters_of
from towpath.operate.exports.ray_serve import ray_serve_config

__all__ = [
    "Bundle",
    "KServeOptions",
    "Parameter",
    "PipelineExport",
    "airflow_dag",
    "install_bundle",
    "kserve_documents",
    "kubeflow_pipeline",
    "parameters_of",
    "ray_serve_config",
    "to_yaml",
    "write_bundle",
    "write_context",
    "write_model_archive",
]
