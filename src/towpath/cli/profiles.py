"""`towpath dataset profile`: how a version's values are spread, and what goes together in it."""

from __future__ import annotations

from towpath.assets.datasets.profiles import ColumnProfile, Profile, Strength, strengths
from towpath.assets.datasets.quality import marks_of
from towpath.cli.options import Common
from towpath.cli.printing import err, out, print_json, print_table
from towpath.core.clock import from_micros
from towpath.core.refs import Ref

_PAIRS_MOST = 10
_PAIR_LEAST = 0.3


def profile(ref: str, /, *, common: Common = Common()) -> int:
    """Show how a version's values are spread: missing ones, outliers, repeats, what goes together.

    Args:
        ref: NAME@VERSION, or NAME for the latest.
    """
    wanted = Ref.parse(ref, "dataset")
    with common.open() as home:
        with home.ledger.read() as tx:
            version = tx.versions.get(wanted)
        found = home.datasets.profile(version.ref)
    marks = marks_of(version)
    looks = {mark.column: mark.kind for mark in marks}
    pairs = _pairs(found)
    repeated = None if found.drawn is None else found.drawn.repeats
    share = None if repeated is None else repeated.share
    if common.json:
        columns = [_facts(column, looks) for column in found.columns]
        print_json(
            {
                "ref": version.ref,
                "rows": found.rows,
                "repeated_share": share,
                "columns": columns,
                "together": pairs,
            }
        )
        return 0
    print_table(
        ["column", "kind", "missing", "different", "5%", "median", "95%", "outliers", "looks like"],
        [list(_facts(column, looks).values()) for column in found.columns],
        empty=f"{version.ref} has no columns",
    )
    if share:
        out.print(f"about {share:.2%} of the rows repeat another one in all but the key")
    strong = [pair for pair in pairs if abs(pair.value) >= _PAIR_LEAST][:_PAIRS_MOST]
    print_table(
        ["together", "", "how much", "measure"],
        [(pair.one, pair.two, f"{pair.value:.2f}", pair.measure) for pair in strong],
        empty="no two columns go together by more than 0.3",
    )
    for mark in marks:
        err.print(mark.says, markup=False)
    return 0


def _facts(column: ColumnProfile, looks: dict[str, str]) -> dict[str, object]:
    # What looks personal is as little for everybody's eyes as what was declared so.
    open_to_all = column.name not in looks
    return {
        "column": column.name,
        "kind": column.kind,
        "missing": f"{column.nulls / column.rows:.2%}" if column.rows else None,
        "different": column.distinct,
        **{
            name: _value(column, share) if open_to_all else None
            for name, share in (("low", 0.05), ("median", 0.5), ("high", 0.95))
        },
        "outliers": column.outliers,
        "looks_like": looks.get(column.name),
    }


def _value(column: ColumnProfile, share: float) -> str | None:
    value = column.quantile(share)
    if value is None:
        return None
    return f"{from_micros(int(value)):%Y-%m-%d %H:%M}" if column.kind == "time" else f"{value:,.6g}"


def _pairs(found: Profile) -> list[Strength]:
    if found.drawn is None or found.drawn.associations is None:
        return []
    return sorted(strengths(found.drawn.associations), key=lambda pair: -abs(pair.value))
