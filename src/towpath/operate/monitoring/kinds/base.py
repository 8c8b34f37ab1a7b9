"""What the declarations of further monitors have in common."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, cast

from towpath.core.durations import parse_duration
from towpath.core.errors import InvalidProject
from towpath.core.refs import check_name

if TYPE_CHECKING:
    from collections.abc import Mapping

Severity: TypeAlias = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


class Declared:
    """Reads a declaration back out of an intent's spec, and refuses what can't be watched.

    Its dataclasses have the fields `name`, `window`, `run_length`, `min_rows` and `severity`:

    * `name`: Unique among the project's monitors.
    * `window`: Span of event time judged at once.
    * `run_length`: Quiet windows between two false alarms, on average, at least. A limit that is
      declared is another matter: it alarms in the window that breaks it.
    * `min_rows`: Windows with fewer rows are passed over.
    * `severity`: How its alerts are marked: `info`, `warning` or `critical`.
    """

    __slots__ = ()

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        known = (one.name for one in fields(cast("Any", cls)))
        return cls(**{name: spec[name] for name in known if name in spec})

    def check_common(self) -> None:
        """Refuse what no monitor can mean. Raises `InvalidProject` or `InvalidName`."""
        declared = cast("Any", self)
        name = check_name(declared.name, "monitor name")
        parse_duration(declared.window)
        if declared.run_length < 2:
            raise InvalidProject(
                f"monitor {name!r} tolerates a false alarm every {declared.run_length} windows",
                remedy="Use a run_length of 2 or more.",
            )
        if declared.min_rows < 1:
            raise InvalidProject(f"monitor {name!r} wants {declared.min_rows} rows at least")
        if declared.severity not in SEVERITIES:
            raise InvalidProject(
                f"monitor {name!r} has severity {declared.severity!r}",
                remedy=f"Use one of {', '.join(SEVERITIES)}.",
            )

    def check_share(self, field: str, value: float | None) -> None:
        """Refuse a share that is not between 0 and 1. Raises `InvalidProject`."""
        if value is not None and not 0 <= value <= 1:
            name = cast("Any", self).name
            raise InvalidProject(
                f"monitor {name!r} has {field}={value}", remedy="Shares lie between 0 and 1."
            )

    def check_positive(self, field: str, value: float | None) -> None:
        """Refuse a limit that is not above zero. Raises `InvalidProject`."""
        if value is not None and value <= 0:
            name = cast("Any", self).name
            raise InvalidProject(
                f"monitor {name!r} has {field}={value}", remedy="Limits lie above zero."
            )


__all__ = ["SEVERITIES", "Declared", "Severity"]
