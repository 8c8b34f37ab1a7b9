"""What a certificate says of how the replacements of models were made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.trace.erasure.readable.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WAYS = {
    "retrain": "trained again from all that was left",
    "sisa": "trained again from the shards that changed (SISA)",
    "downdate": "down-dated exactly: the sums of one shard were counted again",
}


def remaking_sections(document: Mapping[str, Any]) -> Iterator[Section]:
    """Yield how the replacements were made, where a certificate says it."""
    rows = [row for one in document["models"] if one.get("unlearning") for row in _rows(one)]
    if rows:
        yield Section(
            title="How the replacements were made",
            text="By running the recipe again on the redacted versions. Of a model of shards, only what "
            "came from a shard that has changed was computed: all rows of a subject are in one shard, and "
            "the others were found, by their digests, to be as they had been. No approximate method was "
            "used.",
            head=("replacement", "way", "made again", "result before", "result after"),
            rows=tuple(rows),
            codes=(0, 3, 4),
        )


def _rows(model: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    said: Mapping[str, Any] = model["unlearning"]
    name, way = model["replacement"].removeprefix("model:"), _WAYS[said["method"]]
    if "again" not in said:
        yield name, way, "everything", "", ""
    for one in said.get("again", ()):
        at, of = one["shard"]
        which = f"{one['dataset'].removeprefix('dataset:')}, shard {at} of {of}"
        yield name, way, which, one["before"] or "", one["after"] or ""
