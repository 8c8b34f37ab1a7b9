"""The declaration that ties a team's assets together."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from towpath.assets.checks import Rule
from towpath.assets.datasets.declaration import describe_columns
from towpath.assets.features.registry import describe_service, describe_view
from towpath.build.capacity.declaration import budget_specs
from towpath.core.durations import format_duration
from towpath.core.errors import InvalidProject, NotFound
from towpath.core.refs import check_name
from towpath.operate.rollouts import Rollout

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from towpath.assets.datasets import Dataset
    from towpath.assets.features import FeatureService, FeatureView
    from towpath.assets.filesets import FileSet
    from towpath.build.capacity import Budget, Queue
    from towpath.build.gates import Gate
    from towpath.build.ingestion import Ingest
    from towpath.build.pipelines import Pipeline
    from towpath.operate.labelling import LabelQueue
    from towpath.operate.monitoring import Monitor
    from towpath.operate.releases import Consumer, Service
    from towpath.operate.scheduling import Schedule
    from towpath.operate.triggers import On, Retrain
    from towpath.operate.webhooks import Email, Slack, Webhook

_RISKS = ("minimal", "limited", "high")


@dataclass(frozen=True, slots=True)
class Project:
    """What a team owns: data sets, features, pipelines, gates, services, monitors and triggers.

    A project is plain data. Making one does nothing; `towpath run` executes its pipelines and
    `towpath apply` makes what is live equal to what is declared.

    Attributes:
        name: Unique among the projects of one Towpath.
        owner: Whom to ask; an address or a team.
        risk: Risk tier: `minimal`, `limited` or `high`.
        filesets: Folders of files; each is a data set besides, of the same name.
        ingests: What feeds data sets from sources.
        features: Feature views.
        feature_services: The sets of features that models use.
        gates: Checks that every candidate model must pass before it can be deployed.
        labelling: Queues in which people say what was true of some decisions; each writes a data set
            of its name.
        monitors: Checks over windows of live traffic, for each of the services.
        triggers: What starts a pipeline without a person.
        schedules: Pipelines that run at set times.
        webhooks: Which programs to tell what happens.
        channels: Which people to tell, by e-mail or chat.
        rollout: How traffic moves from champion to challenger.
        consumers: Programs of the product that ask services, in the versions that this project knows;
            releases hold models to what they need.
        budget: What its pipelines may spend, and how much may run at once; None: no limit but the
            organisation's.
        queues: Lines in which some of its pipelines stand, with priorities and limits of their own.
    """

    name: str
    owner: str = field(kw_only=True)
    risk: Literal["minimal", "limited", "high"] = field(default="minimal", kw_only=True)
    description: str = field(default="", kw_only=True)
    datasets: Sequence[Dataset] = field(default=(), kw_only=True)
    filesets: Sequence[FileSet] = field(default=(), kw_only=True)
    ingests: Sequence[Ingest] = field(default=(), kw_only=True)
    features: Sequence[FeatureView] = field(default=(), kw_only=True)
    feature_services: Sequence[FeatureService] = field(default=(), kw_only=True)
    pipelines: Sequence[Pipeline] = field(default=(), kw_only=True)
    gates: Sequence[Gate] = field(default=(), kw_only=True)
    services: Sequence[Service] = field(default=(), kw_only=True)
    consumers: Sequence[Consumer] = field(default=(), kw_only=True)
    labelling: Sequence[LabelQueue] = field(default=(), kw_only=True)
    monitors: Sequence[Monitor] = field(default=(), kw_only=True)
    triggers: Sequence[Retrain | On] = field(default=(), kw_only=True)
    schedules: Sequence[Schedule] = field(default=(), kw_only=True)
    webhooks: Sequence[Webhook] = field(default=(), kw_only=True)
    channels: Sequence[Email | Slack] = field(default=(), kw_only=True)
    rollout: Rollout = field(default_factory=Rollout, kw_only=True)
    budget: Budget | None = field(default=None, kw_only=True)
    queues: Sequence[Queue] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a project whose parts don't hang together."""
        check_name(self.name, "project name")
        if self.risk not in _RISKS:
            raise InvalidProject(
                f"project {self.name!r} declares risk {self.risk!r}",
                remedy=f"Use one of {', '.join(_RISKS)}.",
            )
        names = (one.name for one in (*self.datasets, *self.filesets))
        self._check_unique("data set", names)
        self._check_unique("ingest", (ingest.name for ingest in self.ingests))
        self._check_unique("feature view", (view.name for view in self.features))
        self._check_unique("feature service", (one.name for one in self.feature_services))
        self._check_unique("pipeline", (pipeline.name for pipeline in self.pipelines))
        self._check_unique("service", (service.name for service in self.services))
        self._check_unique(
            "consumer's version", (str(one.service_version) for one in self.consumers)
        )
        self._check_unique("monitor", (monitor.name for monitor in self.monitors))
        self._check_unique("trigger", (trigger.name for trigger in self.triggers))
        self._check_unique("schedule", (schedule.name for schedule in self.schedules))
        self._check_unique("webhook", (webhook.name for webhook in self.webhooks))
        self._check_unique("channel", (channel.name for channel in self.channels))
        if self.triggers and not self.pipelines:
            raise InvalidProject(
                f"project {self.name!r} declares triggers and no pipeline to start",
                remedy="Add a pipeline, or remove the triggers.",
            )
        for trigger in self.triggers:
            if trigger.pipeline is not None:
                self.pipeline(str(trigger.pipeline))
        for schedule in self.schedules:
            self.pipeline(str(schedule.pipeline)).resolve(schedule.params)
        self._check_queues()
        self._check_lines()

    def _check_unique(self, what: str, names: Iterable[str]) -> None:
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise InvalidProject(
                f"project {self.name!r} declares the {what} {twice[0]!r} twice",
                remedy="Names are unique within a project.",
            )

    def _check_queues(self) -> None:
        """Refuse queues that ask about another's decisions, or would write into another's data set."""
        self._check_unique("label queue", (queue.name for queue in self.labelling))
        services = {service.name: service for service in self.services}
        for queue in self.labelling:
            if queue.service not in services:
                missing = NotFound.named("service", queue.service, services)
                raise InvalidProject(
                    f"label queue {queue.name!r} asks about service {queue.service!r}, "
                    f"which project {self.name!r} does not declare",
                    remedy=missing.remedy,
                )
            subject = services[queue.service].subject
            if queue.subject != subject:
                raise InvalidProject(
                    f"label queue {queue.name!r} has subject {queue.subject!r} where its service "
                    f"has {subject!r}",
                    remedy=f"Write subject={subject!r}: erasures find the labels by it.",
                )
            for made in (queue.dataset, queue.judgements):
                if any(one.name == made.name and one != made for one in self.datasets):
                    raise InvalidProject(
                        f"label queue {queue.name!r} writes data set {made.name!r}, "
                        f"which project {self.name!r} declares otherwise",
                        remedy="Give the queue or the data set another name.",
                    )

    def _check_lines(self) -> None:
        """Refuse queues for pipelines that are not there, or that stand in two of them."""
        self._check_unique("queue", (queue.name for queue in self.queues))
        standing = [(name, queue.name) for queue in self.queues for name in queue.pipeline_names]
        for name, _ in standing:
            self.pipeline(name)
        self._check_unique("queue for pipeline", (name for name, _ in standing))

    def pipeline(self, name: str | None = None) -> Pipeline:
        """Return a pipeline by name; the only one when no name is given.

        Raises:
            NotFound: There is no such pipeline, or several and no name.
        """
        if name is None and len(self.pipelines) == 1:
            return self.pipelines[0]
        for pipeline in self.pipelines:
            if pipeline.name == name:
                return pipeline
        raise NotFound.named("pipeline", str(name), [one.name for one in self.pipelines])

    def dataset(self, name: str) -> Dataset:
        """Return a declared data set, one behind a feature view included.

        Raises:
            NotFound: The project declares no such data set.
        """
        known = {dataset.name: dataset for dataset in self.all_datasets()}
        if name not in known:
            raise NotFound.named("data set", name, known)
        return known[name]

    def ingest(self, name: str) -> Ingest:
        """Return a declared ingest.

        Raises:
            NotFound: The project declares no such ingest.
        """
        known = {ingest.name: ingest for ingest in self.ingests}
        if name not in known:
            raise NotFound.named("ingest", name, known)
        return known[name]

    def fileset(self, name: str) -> FileSet:
        """Return a declared file set.

        Raises:
            NotFound: The project declares no such file set.
        """
        known = {fileset.name: fileset for fileset in self.filesets}
        if name not in known:
            raise NotFound.named("file set", name, known)
        return known[name]

    def all_datasets(self) -> tuple[Dataset, ...]:
        """Return every data set, those that only feature views name and those of queues included."""
        found = {dataset.name: dataset for dataset in self.datasets}
        found |= {fileset.name: fileset.dataset for fileset in self.filesets}
        for ingest in self.ingests:
            found.setdefault(ingest.dataset.name, ingest.dataset)
        for view in self.all_views():
            found.setdefault(view.source.name, view.source)
        for queue in self.labelling:
            found |= {one.name: one for one in (queue.dataset, queue.judgements)}
        return tuple(found.values())

    def all_views(self) -> tuple[FeatureView, ...]:
        """Return every feature view, those that only feature services name included."""
        found = {view.name: view for view in self.features}
        for service in self.feature_services:
            for lookup in service.lookups:
                found.setdefault(lookup.view.name, lookup.view)
        return tuple(found.values())

    def features_named(self, name: str) -> FeatureService | FeatureView:
        """Return a declared feature service or, where there is none of the name, a feature view.

        Raises:
            NotFound: The project declares neither.
        """
        known: dict[str, FeatureService | FeatureView] = {one.name: one for one in self.all_views()}
        known |= {one.name: one for one in self.feature_services}
        if name not in known:
            raise NotFound.named("feature service or view", name, known)
        return known[name]

    def declaration(self) -> dict[str, Any]:
        """Return the project as plain JSON values: what `apply` compares and pages show."""
        return {
            "name": self.name,
            "owner": self.owner,
            "risk": self.risk,
            "description": self.description,
            "datasets": {
                one.name: {**_plain(one), "columns": describe_columns(one)}
                for one in self.all_datasets()
            },
            "filesets": {one.name: _plain(one) for one in self.filesets},
            "ingests": {one.name: one.describe() for one in self.ingests},
            "features": {one.name: describe_view(one) for one in self.all_views()},
            "feature_services": {one.name: describe_service(one) for one in self.feature_services},
            "pipelines": {one.name: {"parameters": _plain(one.defaults)} for one in self.pipelines},
            "gates": [_plain(one) for one in self.gates],
            "services": {one.name: _plain(one) for one in self.services},
            "consumers": {str(one.service_version): one.to_json() for one in self.consumers},
            "labelling": {one.name: one.spec.to_json() for one in self.labelling},
            "monitors": {one.name: _plain(one) for one in self.monitors},
            "triggers": {one.name: _plain(one) for one in self.triggers},
            "schedules": {one.name: _plain(one) for one in self.schedules},
            "webhooks": {one.name: _plain(one) for one in self.webhooks},
            "channels": {one.name: _plain(one) for one in self.channels},
            "rollout": _plain(self.rollout),
            "budgets": dict(budget_specs(self.name, self.budget, self.queues)),
        }


def _plain(value: object) -> Any:
    """Turn declarations into JSON values; objects of a class carry its name as `type`."""
    if isinstance(value, Rule):
        return value.describe()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {"type": type(value).__name__, **parts}
    match value:
        case None | str() | int() | float():
            plain: object = value
        case type():
            plain = value.__name__
        case timedelta():
            plain = format_duration(value)
        case datetime():
            plain = value.isoformat()
        case Mapping():
            plain = {str(key): _plain(one) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            plain = [_plain(one) for one in value]
        case _:
            plain = str(value)
    return plain
