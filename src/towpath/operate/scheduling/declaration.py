"""The declaration of a schedule: a pipeline, and when it runs."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from towpath.build.pipelines import Pipeline
from towpath.core.refs import check_name
from towpath.operate.scheduling.occurrences import check_cron

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Schedule:
    """Runs a pipeline at the moments of a cron expression, one run at a time.

    Moments are of event time, so that a replayed year keeps its schedules. Each run is planned for its
    moment, whenever it begins: what reaches back (`flights.last("7d")`) reaches back from there.

    Attributes:
        name: Unique among the project's schedules.
        pipeline: The pipeline, or its name.
        cron: Minute, hour, day of the month, month, day of the week.
        tz: The time zone that the expression is meant in, by its IANA name.
        catch_up: What becomes of moments at which nothing was at work, or the last run was still
            going on. True: each of them is run for, one after the other. False: the newest that
            nobody was at work for is run for once; the others, and those that find a run going on, are
            recorded as skipped.
        params: The pipeline's parameters, where they differ from the defaults.
    """

    name: str
    _: KW_ONLY
    pipeline: str | Pipeline
    cron: str
    tz: str = "UTC"
    catch_up: bool = False
    params: Mapping[str, object] = field(default_factory=dict[str, object])

    def __post_init__(self) -> None:
        """Refuse what never comes; keep the pipeline by its name."""
        check_name(self.name, "schedule name")
        check_cron(self.cron, self.tz)
        if isinstance(self.pipeline, Pipeline):
            object.__setattr__(self, "pipeline", self.pipeline.name)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        return cls(**{one.name: spec[one.name] for one in fields(cls) if one.name in spec})
