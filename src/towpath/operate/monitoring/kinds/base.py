"""What the declarations of all monitors have in common."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, cast

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

Severity: TypeAlias = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What every monitor says: how much is judged at once, how often it may be wrong, and who hears.

    Each kind adds its `name`, unique among the project's monitors, and repeats below only what it
    has another default for.

    Attributes:
        window: Span of event time judged at once.
        run_length: Quiet windows between two false alarms, on average, at least. A limit that is
            declared is another matter: it alarms in the window that breaks it.
        min_rows: Windows with fewer rows are passed over.
        severity: How its alerts are marked: `info`, `warning` or `critical`.
    """

    window: str = "1d"
    run_length: int = 365
    min_rows: int = 100
    severity: Severity = "warning"

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        return cls(**{one.name: spec[one.name] for one in fields(cls) if one.name in spec})

    def __str__(self) -> str:
        """Return the name: messages quote it."""
        return cast("Any", self).name

    def check_common(self) -> None:
        """Refuse what no monitor can mean. Raises `InvalidProject` or `InvalidName`."""
        name = check_name(str(self), "monitor name")
        parse_duration(self.window)
        if self.run_length < 2:
            raise InvalidProject(
                f"monitor {name!r} tolerates a false alarm every {self.run_length} windows",
                remedy="Use a run_length of 2 or more.",
            )
        if self.min_rows < 1:
            raise InvalidProject(f"monitor {name!r} wants {self.min_rows} rows at least")
        if self.severity not in SEVERITIES:
            raise InvalidProject(
                f"monitor {name!r} has severity {self.severity!r}",
                remedy=f"Use one of {', '.join(SEVERITIES)}.",
            )

    def check_share(self, field: str, value: float | None) -> None:
        """Refuse a share that is not between 0 and 1. Raises `InvalidProject`."""
        if value is not None and not 0 <= value <= 1:
            raise InvalidProject(
                f"monitor {str(self)!r} has {field}={value}", remedy="Shares lie between 0 and 1."
            )

    def check_positive(self, field: str, value: float | None) -> None:
        """Refuse a limit that is not above zero. Raises `InvalidProject`."""
        if value is not None and value <= 0:
            raise InvalidProject(
                f"monitor {str(self)!r} has {field}={value}", remedy="Limits lie above zero."
            )


__all__ = ["SEVERITIES", "Declared", "Severity"]
