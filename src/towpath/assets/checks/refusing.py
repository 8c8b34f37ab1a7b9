"""The error of a commit that rules refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import SchemaViolation

if TYPE_CHECKING:
    from towpath.assets.checks.report import CheckReport, RuleResult, Sample

_NAMED_MOST = 3


def refusal(dataset: str, report: CheckReport) -> SchemaViolation:
    """Return the error that names what is wrong, how often, and where first."""
    first, *others = report.refused
    more = f" (and {len(others)} more rule{'s'[: len(others) != 1]} broken)" if others else ""
    return SchemaViolation(
        f"{sentence(dataset, first)}{more}",
        remedy="Nothing was stored. Mend the rows, or the rule, and commit again.",
        dataset=dataset,
        column=", ".join(first.columns),
        count=first.broken,
        rows=[sample.row for sample in first.sample],
        violations=[
            {
                "column": ", ".join(one.columns),
                "rule": one.words,
                "name": one.name,
                "count": one.broken,
                "rows": [sample.row for sample in one.sample],
            }
            for one in report.refused
        ],
    )


def sentence(dataset: str, result: RuleResult) -> str:
    """Say what a result found: "column 'age' of data set 'rides' is missing in 3 of 90 rows, …"."""
    about = f"data set {dataset!r}"
    if result.columns:
        about = f"column {', '.join(result.columns)!r} of {about}"
    if not result.sample and not result.columns:
        return f"{about} {result.words}"
    places = ", ".join(_place(one) for one in result.sample[:_NAMED_MOST])
    where = f", first in {places}" if places else ""
    return f"{about} {result.words} in {result.broken} of {result.checked} rows{where}"


def _place(sample: Sample) -> str:
    """Return "row 17 (flight_id 'UA1')", the key left out where it is personal."""
    if not sample.key:
        return f"row {sample.row}"
    key = ", ".join(f"{name} {value!r}" for name, value in sample.key.items())
    return f"row {sample.row} ({key})"
