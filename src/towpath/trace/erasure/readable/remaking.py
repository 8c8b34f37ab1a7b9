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


def membership_sections(document: Mapping[str, Any]) -> Iterator[Section]:
    """Yield whether the replacements recognise the erased rows, where that was tested."""
    rows: list[tuple[str, ...]] = []
    for one in document["models"]:
        said: Mapping[str, Any] | None = one.get("membership")
        if said is None:
            continue
        name = one["model"].removeprefix("model:")
        if "skipped" in said:
            rows.append((name, f"not tested: {said['skipped']}", "", "", ""))
            continue
        tried = (
            ("rows that shadows did, and did not, learn from (the control)", said["control"]),
            (f"the erased rows, by {name}, which had learnt from them", said["before"]),
            ("the erased rows, by its replacement", said["after"]),
        )
        rows += [
            (name, what, f"{one['rows']:,}", _bounds(one["auc"]), _bounds(one["tpr"]))
            for what, one in tried
        ]
        if not said["tells"]:
            rows.append((name, "the attack fails its control: it says nothing here", "", "", ""))
    if rows:
        yield Section(
            title="Whether the replacements recognise the erased rows",
            text="Membership inference (LiRA, with shadow models): how often a row that a model learnt from "
            "is told from one that it did not, where 0.5 is guessing, and how many are recognised at a "
            "threshold that 1% of strangers pass, with 95% intervals. This is evidence, and not what the "
            "erasure rests on: the replacements were made without the rows. The rows were kept sealed for it "
            "until the old models were deleted, and are gone.",
            head=("model", "asked about", "rows", "area under the curve", "recognised"),
            rows=tuple(rows),
            codes=(0,),
        )


def _bounds(estimate: Mapping[str, float]) -> str:
    value, low, high = (estimate[name] for name in ("value", "low", "high"))
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def _rows(model: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    said: Mapping[str, Any] = model["unlearning"]
    name, way = model["replacement"].removeprefix("model:"), _WAYS[said["method"]]
    if "again" not in said:
        yield name, way, "everything", "", ""
    for one in said.get("again", ()):
        at, of = one["shard"]
        which = f"{one['dataset'].removeprefix('dataset:')}, shard {at} of {of}"
        yield name, way, which, one["before"] or "", one["after"] or ""
