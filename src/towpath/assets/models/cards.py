"""Model cards: what a version is, what it was made of and how it was judged, on one page.

After M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. Everything on it comes from the
ledger, so a card can't claim what was not recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from towpath.ledger.records import Json, Version

_MEANINGS = {
    "binary": "probability that `{}` is 1",
    "ranking": "order of rows by `{}`",
    "forecast": "`{}` of periods to come",
    "anomaly": "strangeness of rows, called `{}`",
}
_VERDICTS = {"pass": "passed", "fail": "failed", "inconclusive": "inconclusive"}


def model_card(version: Version, datasets: Sequence[Version]) -> str:
    """Return the card of a model version in Markdown.

    Args:
        version: The model version.
        datasets: The data-set versions it was made from, at their current revision.
    """
    body = version.body
    output = body["signature"]["outputs"][0]["name"]
    meaning = _MEANINGS.get(body["task"], "`{}`").format(output)
    registered = f"registered {version.created_at:%Y-%m-%d %H:%M} UTC"
    lines = [
        f"# {version.ref}",
        "",
        f"State: **{version.state}** · gates: **{_VERDICTS[body['verdict']]}** · {registered}",
        "",
        "## What it is",
        f"- Foretells the {meaning} ({body['task']}), kept as {body['flavour']} ({body['library']}).",
        f"- Answers by the form that was judged: {body.get('execution', 'native')}.",
        f"- Package `{body['package']}`, signed with key `{body['attestation']['key_id']}`.",
        *(
            [f"- Fine-tuned from {body['parent']}: what that one learned from is part of it."]
            if body.get("parent")
            else []
        ),
        f"- Judged against {body['champion'] or 'no champion: it was the first'}.",
        "",
        "## What it takes",
        *_table(
            ("column", "type", "may be missing"),
            (
                (f"`{one['name']}`", one["datatype"], "yes" if one.get("nullable") else "no")
                for one in body["signature"]["inputs"]
            ),
        ),
        "",
        "## What it was made of",
        f"- Pipeline `{body['pipeline']}` of project `{body['project']}`, run `{body['run']}`.",
        f"- Code {body['code']}, environment lock `{body['lock'][:12]}`.",
        f"- Parameters: {_params(body['params'])}.",
        *(_dataset(dataset) for dataset in datasets),
        "",
        "## How it did on the rows held back",
        *_table(
            ("metric", "value"),
            ((name, f"{value:.5g}") for name, value in sorted(body["metrics"].items())),
        ),
        "",
        "## What the gates found",
        *_table(
            ("gate", "verdict", "finding"),
            ((one["gate"], _VERDICTS[one["verdict"]], one["summary"]) for one in body["gates"]),
        ),
    ]
    return "\n".join(lines) + "\n"


def _dataset(version: Version) -> str:
    body = version.body
    rows = f", {body['rows']:,} rows" if "rows" in body else ""
    revised = f", revised {version.revision - 1} times" if version.revision > 1 else ""
    return f"- {version.ref}{rows}{revised}"


def _params(params: Json) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in sorted(params.items())) or "none"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table; cells can't break out of it."""
    escaped = (
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
        for row in rows
    )
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *escaped]
