"""A view's observations as a pipeline reads them: pinned with their source, joined in a step's process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from towpath.assets.datasets import Selection
from towpath.assets.datasets.scanning import scan_manifest
from towpath.assets.features.arranging import arrange
from towpath.assets.features.joining import join_parts
from towpath.assets.features.layout import layout_of
from towpath.assets.features.reading import join_layout
from towpath.assets.features.shape import Shape, shape_of
from towpath.assets.features.staging import layout_area
from towpath.core.clock import parse_time

if TYPE_CHECKING:
    import polars as pl

    from towpath.assets.features.contract import FeaturePin, JoinMode
    from towpath.assets.features.declaration import FeatureView
    from towpath.assets.features.wanted import Wanted
    from towpath.storage.blobs import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations(Selection):
    """As much of a view's source as a join can see, on its way to a step.

    Attributes:
        view: The view. Its layout is read instead of the source where it is fresh.
    """

    view: FeatureView

    @classmethod
    def of(cls, view: FeatureView, rows: Selection | None) -> Observations:
        """Select what rows of a selection can see of a view; all of it where they aren't known."""
        everything = cls(dataset=view.source, view=view)
        ttl = view.time_to_live
        if rows is None or ttl is None or view.source.time != view.time:
            return everything
        if rows.span is not None:
            return cls(dataset=view.source, view=view, span=rows.span + ttl)
        if rows.since is not None and rows.until is not None:
            return cls(dataset=view.source, view=view, since=rows.since - ttl, until=rows.until)
        return everything


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Pinned observations in the process that joins them. Made by `observed`.

    Attributes:
        blobs: The home's blob store.
        shape: The view's columns.
        source: What was pinned of the source: `manifest`, `since` and `until`.
        layout: The layout's record, where one was fresh.
    """

    blobs: BlobStore
    shape: Shape
    source: dict[str, Any]
    layout: dict[str, Any] | None

    def join(
        self, rows: pl.DataFrame, wanted: Wanted, *, time: str, mode: JoinMode
    ) -> pl.DataFrame:
        """Add features to rows, from the layout, or from the source where the layout is gone."""
        area = layout_area(self.blobs)
        layout = None if self.layout is None else layout_of(self.layout)
        if layout is not None and all(area.exists(digest) for digest in layout.blobs):
            return join_layout(rows, wanted, layout, area, time=time, mode=mode)
        since, until = (self.source[name] for name in ("since", "until"))
        scan = scan_manifest(
            self.blobs,
            self.source["manifest"],
            columns=list(self.shape.columns),
            since=None if since is None else parse_time(since),
            until=None if until is None else parse_time(until),
        )
        return join_parts(rows, wanted, [arrange(self.shape, scan.collect())], time=time, mode=mode)


def observation_meta(observations: Observations, pin: FeaturePin | None) -> dict[str, Any]:
    """Return what `observed` needs besides the pin of the source, as JSON."""
    return {
        "shape": msgspec.to_builtins(shape_of(observations.view)),
        "features": None if pin is None else str(pin.ref),
        "layout": None if pin is None else pin.layout.to_json(),
    }


def observed(blobs: BlobStore, meta: dict[str, Any]) -> Observed:
    """Return pinned observations, ready to be joined."""
    return Observed(
        blobs=blobs,
        shape=msgspec.convert(meta["shape"], Shape),
        source={name: meta[name] for name in ("manifest", "since", "until")},
        layout=meta["layout"],
    )
