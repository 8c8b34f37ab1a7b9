"""The declarations of triggers: what starts a pipeline without a person."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from towpath.assets.datasets import Dataset
from towpath.build.pipelines import Pipeline
from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRED = "trigger.fired"
"""The type of the event with which somebody fires a trigger by hand."""

_NOT_IN_NAMES = re.compile(r"[^a-z0-9_.-]+")
_PATH = re.compile(r"data(?:\.\w+)+|(?!data$)[a-z0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Retrain:
    """Starts a pipeline when a monitor raises an alert, one run at a time.

    Attributes:
        on: Kinds of monitor (`drift`, `performance`) or names of single monitors.
        name: Unique among the project's triggers.
        pipeline: The pipeline to run; None runs the one that made the model the alert is about.
        params: Its parameters, where they differ from the defaults.
        cooldown: Event time after a start in which further alerts start nothing: a model that was
            just retrained is given time to prove itself.
    """

    on: Sequence[str] = ("drift", "performance")
    name: str = "retrain"
    _: KW_ONLY
    pipeline: str | None = None
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    cooldown: str = "7d"

    def __post_init__(self) -> None:
        """Refuse what can never fire."""
        check_name(self.name, "trigger name")
        parse_duration(self.cooldown)
        if isinstance(self.on, str) or not self.on:
            raise InvalidProject(
                f"trigger {self.name!r} waits for {self.on!r}",
                remedy="Give a list of kinds of monitor or their names, such as ['drift'].",
            )

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        return cls(**{one.name: spec[one.name] for one in fields(cls) if one.name in spec})


@dataclass(frozen=True, slots=True)
class On:
    """Starts a pipeline when something happens: a version, an erasure, an alert, an event from outside.

    Exactly one of `dataset`, `erasure`, `alert` and `event` is given. Any of them can be fired by hand
    as well: `towpath trigger fire`.

    Attributes:
        dataset: A data set, or its name: each new version is run for, pinned to it. Versions that come
            while a run is going on are answered together afterwards, by one run on the newest. Versions
            that a run of this trigger made, or led to, start nothing.
        erasure: A data set, or its name: when an erasure took rows out of its versions, one run on the
            newest follows. Models that learnt from the rows are replaced by the erasure itself; this is
            for what else was made of them.
        alert: Kinds of monitor or names of single monitors, as `Retrain` takes them. An alert that
            comes while a run is going on starts nothing: what persists is reported again.
        event: The `type` of a CloudEvent, for instance `com.shop.order.imported`, as it arrives at
            `POST /api/v1/events`. Each event has a run of its own.
        source: Only events whose `source` is this.
        pipeline: The pipeline, or its name. None: the project's only one; for an alert, the one that
            made the model that it is about.
        params: Its parameters, where they differ from the defaults.
        given: Parameters that the event gives, each by where it stands there: `data.day`, or an
            attribute such as `subject`. Numbers, truth values and words without spaces are taken.
            Parameters are kept with the run, so name nothing personal. All else of the event is
            forgotten as it arrives.
        cooldown: Event time after a start in which nothing else is started; None for no such time. An
            event in it is recorded and dropped; a data set's version waits.
        name: Unique among the project's triggers; made from what it waits for when empty.
    """

    _: KW_ONLY
    dataset: str | Dataset | None = None
    erasure: str | Dataset | None = None
    alert: str | Sequence[str] | None = None
    event: str | None = None
    source: str | None = None
    pipeline: str | Pipeline | None = None
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    given: Mapping[str, str] = field(default_factory=dict[str, str])
    cooldown: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse what can't be meant; keep objects by their names."""
        if isinstance(self.dataset, Dataset):
            object.__setattr__(self, "dataset", self.dataset.name)
        if isinstance(self.erasure, Dataset):
            object.__setattr__(self, "erasure", self.erasure.name)
        if isinstance(self.pipeline, Pipeline):
            object.__setattr__(self, "pipeline", self.pipeline.name)
        if isinstance(self.alert, str):
            object.__setattr__(self, "alert", (self.alert,))
        waited = [one for one in (self.dataset, self.erasure, self.alert, self.event) if one]
        if len(waited) != 1:
            raise InvalidProject(
                f"a trigger waits for {len(waited)} things",
                remedy="Give exactly one of dataset=, erasure=, alert= and event=.",
            )
        if self.event is None and (self.source or self.given):
            raise InvalidProject(
                "source= and given= are about an event", remedy="Give event= with them."
            )
        for parameter, path in self.given.items():
            if not _PATH.fullmatch(path):
                raise InvalidProject(
                    f"parameter {parameter!r} is given by {path!r}, which is no place in an event",
                    remedy="Write 'data.KEY', or an attribute such as 'subject'.",
                )
        if self.cooldown is not None:
            parse_duration(self.cooldown)
        what = waited[0] if isinstance(waited[0], str) else "-".join(self.alert or ())
        kind = "on-erasure-" if self.erasure is not None else "on-"
        derived = _NOT_IN_NAMES.sub("-", f"{kind}{what}".lower()).strip("-.")
        object.__setattr__(self, "name", self.name or derived)
        check_name(self.name, "trigger name")

    @property
    def versions_of(self) -> str | None:
        """The data set whose versions it runs on, new ones or those that an erasure changed."""
        found = self.dataset if self.dataset is not None else self.erasure
        return None if found is None else str(found)

    @property
    def event_types(self) -> tuple[str, ...]:
        """The types of the ledger's events that it reads."""
        if self.dataset is not None:
            return ("version.committed", FIRED)
        if self.erasure is not None:
            return ("version.revised", FIRED)
        if self.event is not None:
            return ("event.received", FIRED)
        return ("alert.raised", "alert.persisted", FIRED)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec, `Retrain`'s too; keys of others are left alone."""
        fitting: dict[str, Any] = {
            one.name: spec[one.name] for one in fields(cls) if one.name in spec
        }
        if "on" in spec:
            fitting["alert"] = tuple(spec["on"])
        return cls(**fitting)
