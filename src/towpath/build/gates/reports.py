"""The report of a candidate's gates, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.assets.cases import HeldModel
    from towpath.build.gates.contract import Finding
    from towpath.build.gates.trials import Holdout
    from towpath.build.pipelines import CandidateRequest, Verdict

_HEADS = {
    "pass": "passes all gates",
    "fail": "fails",
    "inconclusive": "could not prove enough",
}
_MARKS = {"pass": "pass", "fail": "**fail**", "inconclusive": "**inconclusive**"}
_WITHOUT_OUTCOME = "rows were left out, because their outcome is not known"
_REFUSED = (
    "of the rows would be refused by the service: a value is missing in a column that had none "
    "missing in training"
)
_RIVALS = (
    " It is one of {count} candidates of a search, the best first; the first that passes wins, so the "
    "error that gates allow is shared among them."
)
_HOW_TO_READ = (
    "Brackets are one-sided confidence bounds; a gate decides on the bound, not on the estimate. "
    "What is inconclusive does not pass: more rows to test on may settle it."
)


def write_report(
    request: CandidateRequest,
    *,
    verdict: Verdict,
    findings: Sequence[Finding],
    rows: Holdout,
    metrics: Mapping[str, float],
    champion: str | None,
) -> str:
    """Return the report in Markdown. It holds no row and no value of one."""
    origin = (
        f"Proposed by pipeline `{request.pipeline}` of project `{request.project}`, "
        f"run `{request.run_id}`. Judged on {rows.frame.height:,} rows held back, against "
        f"{champion or 'no champion'}."
    )
    if request.parent is not None:
        origin += f" Fine-tuned from {request.parent}."
    if request.rivals > 1:
        origin += _RIVALS.format(count=request.rivals)
    lines = [
        f"# Candidate `{request.name}` {_HEADS[verdict]}",
        "",
        origin,
        "",
        "| gate | verdict | finding |",
        "|---|---|---|",
    ]
    lines += [
        f"| {one.gate} | {_MARKS[one.verdict]} | {one.summary.replace('|', ' ')} |"
        for one in findings
    ]
    if not findings:
        lines.append("| none declared | pass | the project asks for nothing |")
    lines += ["", "| metric | value |", "|---|---|"]
    lines += [f"| {name} | {value:.5g} |" for name, value in sorted(metrics.items())]
    notes = {_WITHOUT_OUTCOME: rows.without_outcome, _REFUSED: rows.refused}
    lines += ["", *(f"- {count:,} {what}." for what, count in notes.items() if count)]
    lines += ["", _HOW_TO_READ]
    return "\n".join(lines) + "\n"


def write_cases(held: Sequence[HeldModel]) -> str:
    """Return how a candidate stands with regression cases, in Markdown; nothing where there are none.

    It is not part of the kept report: a case may come later, and a waiver end. What counts is how the
    model stands when somebody asks for its release.
    """
    if not held:
        return ""
    lines = ["", "| regression case | verdict |", "|---|---|"]
    lines += [
        f"| {one.case} | {_MARKS.get(one.verdict, f'**{one.verdict}**')}"
        f"{f', waived by {one.waived}' if one.waived else ''} |"
        for one in held
    ]
    failed = sum(1 for one in held if not one.passes)
    if failed:
        lines += ["", f"It will not be released: {failed} of {len(held)} cases are not passed."]
    return "\n".join(lines) + "\n"
