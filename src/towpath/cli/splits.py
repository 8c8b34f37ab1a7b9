"""`towpath dataset split`: parts of a version as versions of their own."""

from __future__ import annotations

from datetime import timedelta

from towpath.assets.datasets.splits import Split, commit_split
from towpath.cli.options import Common
from towpath.cli.printing import out, print_json
from towpath.core.durations import parse_duration
from towpath.core.errors import UsageError
from towpath.core.refs import Ref


def split(
    ref: str,
    /,
    *,
    into: str = "train,test",
    by: str = "random",
    shares: str | None = None,
    column: str | None = None,
    last: str | None = None,
    gap: str | None = None,
    seed: int = 0,
    common: Common = Common(),
) -> int:
    """Part a version, and commit each part as a version of a data set NAME.PART.

    Args:
        ref: NAME, or NAME@VERSION.
        into: What the parts are called, the first part's first.
        by: random, group (nobody is in two parts), stratified or time.
        shares: The share of each part, such as 0.8,0.2, which it is by default.
        column: The group, by default the subject; what to stratify by; or the time column.
        last: With time: how far before the newest row the second part begins, such as 7d.
        gap: With time: how much before each cut to leave out.
        seed: Another one gives other parts.
    """
    wanted = Ref.parse(ref, "dataset")
    project = common.project()
    dataset = project.dataset(wanted.name)
    default = {"group": dataset.subject, "time": dataset.time}.get(by)
    named = (column,) if column is not None else (() if default is None else (default,))
    whole = "0.5,0.5" if last is not None else "0.8,0.2"
    way = Split(
        by=by,  # pyright: ignore[reportArgumentType]  # it refuses what is no way
        columns=named if by in ("group", "time") else dataset.key_columns,
        strata=named if by == "stratified" else (),
        shares=_numbers(shares or whole),
        seed=seed,
        gap_us=0 if gap is None else _micros(gap),
        last_us=None if last is None else _micros(last),
    )
    with common.open() as home:
        versions = commit_split(
            home.ledger,
            home.datasets,
            dataset,
            way,
            names=[name.strip() for name in into.split(",")],
            project=project.name,
            ref=wanted,
        )
    if common.json:
        print_json(versions)
    else:
        for version in versions:
            out.print(f"{version.ref}  {version.body['rows']} rows")
    return 0


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(one) for one in text.split(","))
    except ValueError as error:
        raise UsageError(f"the shares can't be {text!r}", remedy="Write 0.8,0.2.") from error


def _micros(span: str) -> int:
    return parse_duration(span) // timedelta(microseconds=1)
