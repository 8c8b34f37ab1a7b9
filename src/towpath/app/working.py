"""What a worker does: one controller loop per pace of work, until it is told to stop."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from towpath.app.running import ingest_command, run_arguments, run_template
from towpath.app.telemetry import TracedReconciler, sending_spans
from towpath.assets.datasets import DeletionReconciler
from towpath.assets.datasets.publishing import PublicationReconciler
from towpath.assets.features import LayoutDeletionReconciler
from towpath.assets.features.online import FeatureViewReconciler, OnlineCells
from towpath.assets.features.staging import AREA as LAYOUTS
from towpath.assets.filesets import AREA as FILES
from towpath.assets.filesets import FileDeletionReconciler
from towpath.build.capacity import CHECKPOINTS, RunOrder
from towpath.build.capacity.storing import StorageMeter
from towpath.build.ingestion import IngestReconciler
from towpath.build.pipelines import PipelineRunReconciler
from towpath.core.durations import parse_duration
from towpath.ledger.controllers import ControllerLoop
from towpath.operate.decisions import Compactor, Retention
from towpath.operate.labelling import LabelQueueReconciler
from towpath.operate.monitoring.reconciler import MonitorReconciler
from towpath.operate.monitoring.watchers import standard_watchers
from towpath.operate.releases import LineReconciler, ServiceReconciler
from towpath.operate.rollouts.reconciler import RolloutReconciler
from towpath.operate.scheduling import BackfillReconciler, ScheduleReconciler
from towpath.operate.triggers.reconciler import TriggerReconciler
from towpath.operate.webhooks import ChannelReconciler, WebhookReconciler
from towpath.trace.audit.anchoring import AnchorReconciler
from towpath.trace.erasure import ErasureReconciler, HomeScanner, Parts
from towpath.trace.incidents import IncidentReconciler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.app.home import Home
    from towpath.build.pipelines.running.reconciling import Perform
    from towpath.ledger.contract import Transaction
    from towpath.ledger.controllers import Reconciler

_RUNS = "runs"  # each of these loops carries out one pipeline run at a time
_SETTLE = timedelta(minutes=1)
_CACHES = "downloads from the blob store that other machines keep in their caches"


def work(home: Home, *, owner: str, stop: threading.Event) -> None:
    """Run every controller until `stop` is set.

    Args:
        home: What to work on.
        stop: Ends the loops once their steps under way are done.
        owner: Names this worker. Leases that an earlier worker of the same name left behind are given
            back first, so a restart need not wait for them to lapse.
    """
    template = run_template()
    template.warm()
    with sending_spans("worker", home.settings.otel_endpoint) as spans:
        groups = reconcilers(home, stop, perform=template.run)
        if spans is not None:
            groups = {
                name: [TracedReconciler(one, spans) for one in group]
                for name, group in groups.items()
            }
        _run(home, groups, owner, stop)
    template.close()


def _run(
    home: Home, groups: Mapping[str, Sequence[Reconciler]], owner: str, stop: threading.Event
) -> None:
    """Run each group in a loop and a thread of its own, until the end."""
    with home.ledger.write(actor="worker") as tx:
        for name in groups:
            tx.intents.release(f"{owner}.{name}")
    threads = [
        threading.Thread(
            target=ControllerLoop(
                home.ledger,
                group,
                owner=f"{owner}.{name}",
                order=RunOrder(home.clock) if name.startswith(_RUNS) else None,
            ).run,
            args=(stop,),
            name=name,
        )
        for name, group in groups.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def reconcilers(
    home: Home, stop: threading.Event, *, perform: Perform
) -> dict[str, list[Reconciler]]:
    """Return every controller by the loop that it shares: slow ones never hold up quick ones.

    Args:
        home: What to work on.
        stop: Ends what runs in processes of its own.
        perform: Carries pipeline runs out.
    """
    ledger, blobs, decisions = home.ledger, home.blobs, home.decisions
    releases, clock = home.releases, home.clock
    compactor = Compactor(ledger, blobs, home.decisions_dir)
    retention = Retention(ledger, blobs, home.decisions_dir, clock)
    meter = StorageMeter(ledger, blobs, clock)
    anchoring = _anchoring(home)
    _declare(home, compactor, retention, meter, anchoring)
    return {
        **{
            f"{_RUNS}-{number}": [
                PipelineRunReconciler(ledger, run_arguments(home), stop=stop, perform=perform)
            ]
            for number in range(1, max(1, home.settings.runs) + 1)
        },
        "ingests": [IngestReconciler(ledger, clock, ingest_command(home), stop=stop)],
        "traffic": [
            ServiceReconciler(ledger, releases, hold=home.cases.hold_all),
            LineReconciler(ledger, releases),
            RolloutReconciler(ledger, blobs, decisions, releases, clock, settle=_SETTLE),
            TriggerReconciler(ledger, clock),
            ScheduleReconciler(ledger, clock),
            BackfillReconciler(ledger),
        ],
        "webhooks": [WebhookReconciler(ledger, log=home.keyring.origin, stop=stop)],
        "channels": [ChannelReconciler(ledger, log=home.keyring.origin)],
        "monitors": [_monitors(home)],
        "labels": [
            LabelQueueReconciler(
                ledger,
                home.keyring,
                decisions,
                home.datasets,
                clock,
                directory=home.decisions_dir,
                settle=_SETTLE,
            )
        ],
        "storage": [
            compactor,
            retention,
            meter,
            DeletionReconciler(ledger, blobs),
            PublicationReconciler(ledger, home.publisher),
            LayoutDeletionReconciler(ledger, blobs),
            FileDeletionReconciler(ledger, blobs.area(FILES)),
        ],
        "anchors": [anchoring],
        "features": [FeatureViewReconciler(ledger, home.online, clock)],
        "erasures": [ErasureReconciler(erasure_parts(home))],
        "incidents": [IncidentReconciler(ledger, home.cases, releases)],
    }


def _monitors(home: Home) -> MonitorReconciler:
    return MonitorReconciler(
        home.ledger,
        home.blobs,
        home.decisions,
        home.releases,
        home.clock,
        settle=_SETTLE,
        watchers=standard_watchers(home.ledger, home.features),
    )


class _Standing(Protocol):
    """A controller whose row nobody asks for: there is one in each home."""

    def declare(self, tx: Transaction) -> None: ...


def _declare(home: Home, *controllers: _Standing) -> None:
    with home.ledger.write(actor="worker") as tx:
        for standing in controllers:
            standing.declare(tx)


def _anchoring(home: Home) -> AnchorReconciler:
    every = parse_duration(home.settings.anchor_every)
    return AnchorReconciler(home.ledger, home.anchors, every=every)


def erasure_parts(home: Home) -> Parts:
    """Return what the erasures of a home work on."""
    settings = home.settings
    # What lies in the home is read as files; only what was moved out of it needs a reader.
    scanner = HomeScanner(
        home.place.home,
        blobs=home.blobs if settings.blobs else None,
        areas=(FILES, LAYOUTS, CHECKPOINTS),
        database=home.database if settings.database else None,
        online=OnlineCells(home.online_rows),
    )
    return Parts(
        ledger=home.ledger,
        blobs=home.blobs,
        keyring=home.keyring,
        datasets=home.datasets,
        decisions=home.decisions,
        models=home.models,
        scanner=scanner,
        copies=home.copies(),
        beyond=() if not settings.blobs else (_CACHES,),
        scrub=home.database.scrub,
        certificates=home.place.home / "certificates",
        quiet=timedelta(seconds=settings.erasure_quiet_s),
        rides=timedelta(hours=settings.erasure_rides_h),
        membership_s=settings.erasure_membership_s,
    )
