"""The declaration of a trigger: what starts a pipeline without a person."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
