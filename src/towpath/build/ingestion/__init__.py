"""Ingestion: what feeds a data set from a source, once or again and again, and never half."""

from towpath.build.ingestion.contract import IngestResult, Ingests, Progress
from towpath.build.ingestion.declaration import Ingest, IngestMode
from towpath.build.ingestion.reconciling import IngestReconciler
from towpath.build.ingestion.running import IngestRunner
from towpath.build.ingestion.state import IngestRecord, IngestState

__all__ = [
    "Ingest",
    "IngestMode",
    "IngestReconciler",
    "IngestRecord",
    "IngestResult",
    "IngestRunner",
    "IngestState",
    "Ingests",
    "Progress",
]
