"""Who copies rows of data sets in a home, or keeps things about subjects: where an erasure goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.assets.datasets.publishing import OWN_CATALOG
from towpath.build.capacity import ResumePoints
from towpath.trace.erasure import copies
from towpath.trace.incidents import IncidentDecisions, KeptCases

if TYPE_CHECKING:
    from towpath.app.home import Home


def copies_in(home: Home, *, planning: bool) -> tuple[copies.Copies, ...]:
    """Return what `Home.copies` returns."""
    unused = not home.settings.online and not (home.place.home / "online").exists()
    elsewhere = not home.place.online_url.startswith("lmdb:")
    server = "the Redis of the online store" if elsewhere else None
    online = () if planning and unused else (copies.OnlineTables(home.online, server=server),)
    return (
        copies.OpenLoads(home.ledger, home.blobs),
        copies.Publications(home.publisher, own_catalog=OWN_CATALOG),
        copies.StoredFiles(home.ledger, home.datasets, home.files),
        copies.FeatureLayouts(home.ledger, home.features),
        *online,
        copies.LabelTasks(home.labels),
        copies.PrintedPieces(home.ledger),
        copies.WindowCounts(home.blobs),
        copies.AlertExamples(home.ledger),
        IncidentDecisions(home.ledger),
        KeptCases(home.cases),
        copies.SavedStates(ResumePoints(home.ledger, home.blobs)),
        copies.Trainings(home.place.blobs_url, on_ray=home.settings.compute == "ray"),
    )
