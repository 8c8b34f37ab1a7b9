"""An open home: every part wired to every other, each made the first time it is asked for.

Parts are imported where they are made, which no other module does with our own code: a gateway must
not pay, in time or memory, for what only a worker uses.
"""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Self, TypeVar

from towpath.app.clock import open_clock
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.app.place import Place
    from towpath.assets.cases import LedgerRegressionCases
    from towpath.assets.code import CodeStore
    from towpath.assets.datasets import ParquetDatasetStore, Snapshot
    from towpath.assets.datasets.history import LedgerDatasetHistory
    from towpath.assets.datasets.publishing import IcebergPublisher
    from towpath.assets.features import LayoutFeatureStore
    from towpath.assets.features.online import OnlineFeatureStore
    from towpath.assets.filesets import BlobFileSetStore
    from towpath.assets.models import ModelRegistry
    from towpath.build.ingestion import IngestRunner
    from towpath.core.clock import Clock
    from towpath.core.refs import Ref
    from towpath.core.settings import Settings
    from towpath.ledger import Ledger
    from towpath.operate.decisions import Feedback, SegmentDecisionLog
    from towpath.operate.labelling import LedgerLabelDesk
    from towpath.operate.projects import Project
    from towpath.operate.releases import LedgerReleases, Switching
    from towpath.operate.scheduling import LedgerBackfills
    from towpath.operate.triggers import EventInbox
    from towpath.storage.blobs import BlobStore
    from towpath.storage.database import Database
    from towpath.storage.keys import Keyring
    from towpath.storage.online import OnlineStore
    from towpath.trace.audit import AuditedDecisions
    from towpath.trace.audit.anchoring import Anchor
    from towpath.trace.erasure import LedgerErasures
    from towpath.trace.erasure.copies import Copies
    from towpath.trace.explaining import (
        LedgerDecisionExplainer,
        LedgerReplayer,
        LedgerSubjectReports,
    )
    from towpath.trace.incidents import LedgerIncidents
    from towpath.trace.lineage import LedgerRowTracer, LedgerTracer


class Home:
    """One home's parts, opened on first use and closed together. Not shared between processes.

    Attributes:
        place: The folder, the URLs and the settings it was opened with.
        run: The run that makes the versions of data sets that are committed here, if a run does.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.run: str | None = None

    @property
    def settings(self) -> Settings:
        """The settings it was opened with."""
        return self.place.settings

    @cached_property
    def owner(self) -> str:
        """Who holds the leases that this process takes."""
        return f"{socket.gethostname()}.{os.getpid()}"

    @cached_property
    def database(self) -> Database:
        """The metadata database, at today's schema."""
        database = open_database(self.place.database_url)
        try:
            database.migrate()
        except BaseException:
            database.close()
            raise
        return database

    @cached_property
    def keyring(self) -> Keyring:
        """The home's secrets."""
        return FileKeyring(self.place.home / "keys")

    @cached_property
    def ledger(self) -> Ledger:
        """The record of everything."""
        return open_ledger(self.database, self.keyring)

    @cached_property
    def blobs(self) -> BlobStore:
        """The bytes."""
        return open_blobs(self.place.blobs_url, cache_dir=self.place.home / "cache")

    @cached_property
    def clock(self) -> Clock:
        """Event time."""
        return open_clock(self.ledger, replay=self.settings.replay)

    @cached_property
    def datasets(self) -> ParquetDatasetStore:
        """Versions of tables."""
        from towpath.assets.datasets import ParquetDatasetStore

        return ParquetDatasetStore(
            self.ledger, self.blobs, self.keyring, clock=self.clock, made_by=self.run
        )

    @cached_property
    def ingests(self) -> IngestRunner:
        """What reads sources into versions of tables."""
        from towpath.build.ingestion import IngestRunner

        return IngestRunner(self.ledger, self.datasets, self.clock, folder=self.place.root)

    @cached_property
    def history(self) -> LedgerDatasetHistory:
        """What versions of tables were, are and differ in; branches, tags, collections."""
        from towpath.assets.datasets.history import LedgerDatasetHistory

        return LedgerDatasetHistory(self.ledger, self.blobs)

    @cached_property
    def files(self) -> BlobFileSetStore:
        """Versions of folders of files."""
        from towpath.assets.filesets import BlobFileSetStore

        caches = self.place.home / "cache" / "stat"
        return BlobFileSetStore(self.ledger, self.blobs, self.keyring, self.datasets, caches)

    @cached_property
    def features(self) -> LayoutFeatureStore:
        """Versions of feature views, and joins as of a moment."""
        from towpath.assets.features import LayoutFeatureStore

        return LayoutFeatureStore(self.ledger, self.blobs)

    @cached_property
    def online_rows(self) -> OnlineStore:
        """The newest row of every entity; homes that share a Redis are told apart by their key."""
        from towpath.storage.online import open_online

        return open_online(self.place.online_url, namespace=f"towpath.{self.keyring.origin}")

    @cached_property
    def online(self) -> OnlineFeatureStore:
        """The features of entities as they are now."""
        from towpath.app.withdrawals import Withdrawals
        from towpath.assets.features.online import OnlineFeatureStore

        return OnlineFeatureStore(
            self.ledger,
            self.features,
            self.online_rows,
            self.keyring,
            self.clock,
            withdrawn=Withdrawals(self.ledger),
        )

    def open(self, text: str, *, columns: list[str] | None = None) -> Snapshot:
        """Open a version of a data set for any reader, named as on the command line.

        `flights` is the latest, `flights@7` a number, `flights@golden` a tag, `flights@2026-03-01` what
        was the latest then, and `flights~what-if` a branch.
        """
        return self.datasets.open(self.history.find(text).ref, columns=columns)

    @cached_property
    def publisher(self) -> IcebergPublisher:
        """Data sets as tables of Iceberg catalogs."""
        from towpath.assets.datasets.publishing import IcebergPublisher

        return IcebergPublisher(self.ledger, self.blobs, self.place.home / "iceberg")

    @cached_property
    def code(self) -> CodeStore:
        """Versions of project code."""
        from towpath.assets.code import CodeStore

        return CodeStore(self.ledger, self.blobs, self.place.home / "code")

    @cached_property
    def models(self) -> ModelRegistry:
        """Versions of models."""
        from towpath.assets.models import ModelRegistry

        return ModelRegistry(self.ledger, self.blobs, self.keyring)

    @cached_property
    def cases(self) -> LedgerRegressionCases:
        """Recorded inputs that every later model must answer as it should."""
        from towpath.assets.cases import LedgerRegressionCases

        return LedgerRegressionCases(self.ledger, self.blobs, self.keyring)

    @property
    def decisions_dir(self) -> Path:
        """Where gateways keep the segments that are not Parquet yet."""
        return self.place.home / "decisions"

    @property
    def decisions(self) -> SegmentDecisionLog:
        """Recorded predictions and their labels; a script's home says in the log that they are read."""
        return self.decision_log

    @cached_property
    def decision_log(self) -> SegmentDecisionLog:
        """The same for the program's own parts, which read for nobody."""
        from towpath.operate.decisions import SegmentDecisionLog

        return SegmentDecisionLog(self.ledger, self.blobs, self.decisions_dir)

    @cached_property
    def audited(self) -> AuditedDecisions:
        """Decisions as people are shown them: with a line in the ledger that says who looked."""
        from towpath.trace.audit import AuditedDecisions

        return AuditedDecisions(self.ledger, self.decision_log)

    @property
    def feedback(self) -> Feedback:
        """Takes in what customers did, from scripts and jobs on this machine."""
        from towpath.operate.decisions import Feedback

        return Feedback(self.decisions_dir, self.clock)

    @cached_property
    def labels(self) -> LedgerLabelDesk:
        """Where people judge decisions."""
        from towpath.operate.labelling import LedgerLabelDesk

        return LedgerLabelDesk(
            self.ledger, self.keyring, self.decision_log, self.datasets, self.clock
        )

    @cached_property
    def inbox(self) -> EventInbox:
        """Where events from outside arrive."""
        from towpath.operate.triggers import EventInbox

        return EventInbox(self.ledger, self.keyring)

    @cached_property
    def backfills(self) -> LedgerBackfills:
        """Pipelines run over windows of the past."""
        from towpath.operate.scheduling import LedgerBackfills

        return LedgerBackfills(self.ledger)

    @cached_property
    def releases(self) -> LedgerReleases:
        """What serves."""
        from towpath.operate.releases import LedgerReleases, ReleaseChecker

        return LedgerReleases(ReleaseChecker(self.keyring, self.clock))

    @cached_property
    def switching(self) -> Switching:
        """How what serves is changed by hand."""
        from towpath.operate.releases import Switching

        return Switching(self.ledger, self.releases, self.models.verify, hold=self.cases.hold_all)

    @cached_property
    def anchors(self) -> dict[str, Anchor]:
        """Where statements about the log are kept elsewhere, by address."""
        from towpath.trace.audit.anchoring import open_anchor

        settings = self.settings
        return {
            address: open_anchor(
                address,
                folder=self.place.root,
                log=self.keyring.origin,
                secret=settings.anchor_secret,
                private=settings.anchor_private,
                environ=os.environ,
            )
            for address in settings.anchors
        }

    @cached_property
    def tracer(self) -> LedgerTracer:
        """The way back, and forth."""
        from towpath.trace.lineage import LedgerTracer

        return LedgerTracer(self.ledger, self.decision_log)

    @cached_property
    def row_tracer(self) -> LedgerRowTracer:
        """Which versions, runs, models and decisions rows reached."""
        from towpath.trace.lineage import LedgerRowTracer

        return LedgerRowTracer(
            self.ledger, self.blobs, self.keyring, self.decision_log, self.tracer
        )

    @cached_property
    def replayer(self) -> LedgerReplayer:
        """Asks recorded models what they answered."""
        from towpath.trace.explaining import LedgerReplayer

        return LedgerReplayer(self.ledger, self.blobs, self.keyring, self.decision_log)

    @cached_property
    def explainer(self) -> LedgerDecisionExplainer:
        """Says why recorded decisions were made as they were."""
        from towpath.trace.explaining import LedgerDecisionExplainer

        return LedgerDecisionExplainer(
            self.ledger, self.blobs, self.keyring, self.datasets, self.decision_log
        )

    @cached_property
    def incidents(self) -> LedgerIncidents:
        """What went wrong, what may have caused it, and what is kept of it."""
        from towpath.trace.incidents import LedgerIncidents, Triager

        triager = Triager(self.ledger, self.blobs, self.keyring, self.datasets, self.decision_log)
        return LedgerIncidents(
            self.ledger,
            self.decision_log,
            self.cases,
            self.releases,
            triager=triager,
            clock=self.clock,
        )

    @cached_property
    def subject_reports(self) -> LedgerSubjectReports:
        """What is held of a subject, from the places that an erasure goes to."""
        from towpath.trace.explaining import LedgerSubjectReports

        return LedgerSubjectReports(
            self.ledger,
            self.blobs,
            self.keyring,
            self.datasets,
            self.decisions,
            copies=lambda: self.copies(planning=True),
        )

    @cached_property
    def erasures(self) -> LedgerErasures:
        """Withdrawals."""
        from towpath.trace.erasure import LedgerErasures

        return LedgerErasures(
            self.ledger,
            self.blobs,
            self.keyring,
            self.datasets,
            self.decision_log,
            copies=lambda: self.copies(planning=True),
            deadline=timedelta(days=self.settings.erasure_days),
            per_minute=self.settings.withdrawals_per_minute,
        )

    def copies(self, *, planning: bool = False) -> tuple[Copies, ...]:
        """Return whoever copies rows of data sets, or keeps things about subjects.

        In the order in which an erasure takes them out: what others read in place comes first, and
        online rows are made anew from layouts that are.

        Args:
            planning: Leave out an online store that nothing was ever written to: a plan makes no files.
        """
        from towpath.assets.datasets.publishing import OWN_CATALOG
        from towpath.build.capacity import ResumePoints
        from towpath.trace.erasure import copies
        from towpath.trace.incidents import IncidentDecisions, KeptCases

        unused = not self.settings.online and not (self.place.home / "online").exists()
        elsewhere = not self.place.online_url.startswith("lmdb:")
        server = "the Redis of the online store" if elsewhere else None
        online = () if planning and unused else (copies.OnlineTables(self.online, server=server),)
        return (
            copies.OpenLoads(self.ledger, self.blobs),
            copies.Publications(self.publisher, own_catalog=OWN_CATALOG),
            copies.StoredFiles(self.ledger, self.datasets, self.files),
            copies.FeatureLayouts(self.ledger, self.features),
            *online,
            copies.LabelTasks(self.labels),
            copies.PrintedPieces(self.ledger),
            copies.WindowCounts(self.blobs),
            copies.AlertExamples(self.ledger),
            IncidentDecisions(self.ledger),
            KeptCases(self.cases),
            copies.SavedStates(ResumePoints(self.ledger, self.blobs)),
            copies.Trainings(self.place.blobs_url, on_ray=self.settings.compute == "ray"),
        )

    def snapshot(self, project: Project) -> Ref:
        """Keep the project's code as a version, if it is not the latest already."""
        settings = self.settings
        return self.code.snapshot(
            self.place.root, project.name, settings.project or "", files=settings.files
        ).ref

    def unpack(self, code: Ref) -> tuple[Path, str]:
        """Return a folder that holds a version of a project's code, and its entry point."""
        with self.ledger.read() as tx:
            entry: str = tx.versions.get(code).body["entry"]
        return self.code.unpack(code), entry

    def close(self) -> None:
        """Give connections back. Idempotent."""
        if "online_rows" in self.__dict__:
            self.online_rows.close()
        if "ledger" in self.__dict__:
            self.ledger.close()
        if "database" in self.__dict__:
            self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_H = TypeVar("_H", bound=Home)


def open_home(place: Place, *, connect: bool = True, kind: type[_H] = Home) -> _H:
    """Make the home's folder, readable by its owner alone, and open it.

    Args:
        place: Where it is.
        connect: Reach for the database at once; otherwise when it is first asked for, which is for
            whoever can do without for a while.
        kind: What to open it as.
    """
    place.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = kind(place)
    if connect:
        home.database  # noqa: B018 - migrates now, so that errors come before work begins
    return home
