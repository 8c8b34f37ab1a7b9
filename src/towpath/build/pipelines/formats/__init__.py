"""How results are kept: tables, models, arrays, bytes and plain values."""

from towpath.build.pipelines.formats.contract import Format
from towpath.build.pipelines.formats.items import item_artifacts
from towpath.build.pipelines.formats.kinds import bare, element, outputs_of, spell
from towpath.build.pipelines.formats.observations import observation_artifact
from towpath.build.pipelines.formats.registry import (
    format_of,
    format_of_codec,
    load_artifact,
    many_of,
    missing_among,
    missing_blobs,
    save_value,
    takes,
)
from towpath.build.pipelines.formats.shards import Shards
from towpath.build.pipelines.formats.tables import selection_artifact

__all__ = [
    "Format",
    "Shards",
    "bare",
    "element",
    "format_of",
    "format_of_codec",
    "item_artifacts",
    "load_artifact",
    "many_of",
    "missing_among",
    "missing_blobs",
    "observation_artifact",
    "outputs_of",
    "save_value",
    "selection_artifact",
    "spell",
    "takes",
]
