"""Which events a window in a pipeline reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets import Selection

if TYPE_CHECKING:
    from towpath.assets.windows import Window
    from towpath.build.pipelines.authoring.handles import Handle


def events_of(window: Window, rows: Handle | Selection) -> Selection:
    """Return as much of a window's source as rows of a selection can see."""
    everything = window.source.all()
    if not isinstance(rows, Selection) or window.source.time != window.time:
        return everything
    if rows.span is not None:
        return everything.last(rows.span + window.span)
    if rows.since is not None and rows.until is not None:
        return everything.between(rows.since - window.span, rows.until)
    return everything
