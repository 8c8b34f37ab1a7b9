"""Ingestion: what feeds a data set from a source, once or again and again, and never half."""

from towpath.build.ingestion.declaration import Ingest, IngestMode

__all__ = ["Ingest", "IngestMode"]
