"""What goes to an online store: every entity's newest observation, or just those that changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def rows_of(newest: Any) -> dict[str, float]:
    frames = list(newest.batches)
    if not frames:
        return {}
    rows = pl.concat(frames)
    assert rows["rider"].is_unique().all()
    return dict(rows.select("rider", "pulse").rows())


def test_the_newest_is_what_was_known_at_the_moment(home: Any) -> None:
    source = home.dataset()
    view = home.view(source, created="noted", ttl="5m")
    home.commit(
        source,
        home.readings(
            (1, "ann", 0, None), (2, "ann", 3, 8), (3, "bob", 1, None), (4, "cid", 9, None)
        ),
    )
    version = home.features.build(view, project="races")

    newest = home.features.newest(view, at=at(4))
    assert (newest.ref, newest.revision, newest.whole) == (version.ref, 1, True)
    assert rows_of(newest) == {"ann": 1.0, "bob": 3.0}
    assert rows_of(home.features.newest(view, at=at(8))) == {"ann": 2.0}
    [batch] = home.features.newest(view, at=at(9)).batches
    assert batch.schema == pl.Schema(
        {name: column.polars_type for name, column in view.columns.items()}
    )
    assert batch.columns == ["rider", "at", "noted", "pulse", "place"]


def test_after_an_extension_only_what_may_have_changed_is_returned(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    many = ((n, f"rider {n}", 0, None) for n in range(70_000))
    home.commit(source, home.readings(*many))
    home.features.build(view, project="races")
    first = home.features.newest(view, at=at(1))
    assert sum(batch.height for batch in first.batches) == 70_000
    after = (first.ref, first.revision, first.at)
    home.commit(source, home.readings((70_000, "rider 3", 2, None), (70_001, "new", 1, None)))
    home.features.build(view, project="races")

    second = home.features.newest(view, at=at(2), after=after)

    assert not second.whole
    assert rows_of(second) == {"rider 3": 70_000.0, "new": 70_001.0}


def test_time_alone_can_make_something_known(home: Any) -> None:
    source = home.dataset()
    view = home.view(source, created="noted")
    home.commit(source, home.readings((1, "ann", 0, None), (2, "ann", 1, 5), (3, "bob", 0, None)))
    home.features.build(view, project="races")
    first = home.features.newest(view, at=at(4))
    assert rows_of(first) == {"ann": 1.0, "bob": 3.0}

    later = home.features.newest(view, at=at(5), after=(first.ref, first.revision, first.at))

    assert not later.whole
    assert rows_of(later) == {"ann": 2.0}


@pytest.mark.parametrize("change", ["overwrite", "erase"])
def test_what_lost_rows_is_returned_whole(home: Any, change: str) -> None:
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None), (2, "bob", 0, None)))
    home.features.build(view, project="races")
    first = home.features.newest(view, at=at(1))
    if change == "overwrite":
        home.commit(source, home.readings((2, "bob", 0, None)), "overwrite")
    else:
        home.features.purge([one.ref for one in home.datasets.erase("ann", source.name).versions])
    home.features.build(view, project="races")

    second = home.features.newest(view, at=at(1), after=(first.ref, first.revision, first.at))

    assert second.whole
    assert rows_of(second) == {"bob": 2.0}
