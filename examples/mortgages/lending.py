"""Is a mortgage granted? Why not? And what if an applicant wants to be forgotten?

towpath run
towpath apply
towpath up
towpath erase applicant=PERSON
"""

from datetime import datetime
from typing import Annotated

import polars as pl
from equal_chances import EqualChances

import towpath as tp

INPUTS = [
    "debt_ratio",
    "housing_ratio",
    "loan_to_value",
    "consumer_credit",
    "mortgage_credit",
    "public_record",
    "unemployment",
    "self_employed",
    "insurance_denied",
    "condominium",
]
THRESHOLD = 0.5  # of the probability that the bank would have granted it


class Application(tp.Schema):
    """One application. `race` is there to hold models to account, and is no input of any."""

    application: str
    applicant: str
    filed: datetime
    race: Annotated[str, tp.Values("black", "white")]
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
    granted: int


applications = tp.Dataset(
    "applications",
    schema=Application,
    key="application",
    time="filed",
    subject="applicant",
    description="Mortgage applications, to learn whom the bank granted one.",
)


@tp.step
def fit(rows: pl.DataFrame) -> tp.Model:
    """Boosted trees: exact to explain, and quick to train again when somebody withdraws."""
    from lightgbm import LGBMClassifier

    trees = LGBMClassifier(
        n_estimators=60,
        num_leaves=7,
        learning_rate=0.08,
        min_child_samples=15,
        random_state=0,
        n_jobs=1,
        verbose=-1,
        deterministic=True,
        force_row_wise=True,
    )
    return tp.Model.fit(trees, rows.select(INPUTS), rows["granted"])


@tp.pipeline
def train():
    """Learn from half of the people, be judged by the other half: nobody is in both."""
    learn, judge = tp.split(applications.all(), by="group", shares=(0.5, 0.5))
    return tp.candidate("mortgage", fit(learn), test=judge)


# What an applicant could do about a refusal. What is not here never changes in an explanation.
recourse = tp.Recourse(
    threshold=THRESHOLD,
    granted="your mortgage is granted",
    refused="your mortgage is not granted",
    actionable=[
        tp.Actionable("debt_ratio", direction="down", step=0.01, least=0.0, cost=2.0),
        tp.Actionable("housing_ratio", direction="down", step=0.01, least=0.0, cost=2.0),
        tp.Actionable("loan_to_value", direction="down", step=0.01, least=0.1, cost=1.0),
        tp.Actionable("consumer_credit", direction="down", step=1, least=1, cost=20.0),
    ],
    decided_by="A computer program decided on your application.",
    contact="To have a person look at it, write to loans@example.org.",
    words={
        "debt_ratio": "your monthly debts as a share of your income",
        "housing_ratio": "your monthly housing costs as a share of your income",
        "consumer_credit": "your score for consumer credit (1 is best, 6 is worst)",
        "mortgage_credit": "your score for mortgage credit (1 is best, 4 is worst)",
    },
)

project = tp.Project(
    "lending",
    owner="loans@example.org",
    risk="high",
    description="Decides on mortgages.",
    datasets=[applications],
    pipelines=[train],
    gates=[
        tp.gates.Quality("roc_auc", at_least=0.65),
        tp.gates.NonInferior("log_loss", margin=0.02),
        EqualChances("race", threshold=THRESHOLD),
    ],
    services=[
        tp.Service(
            "mortgage-decision",
            model="mortgage",
            subject="applicant",
            description="Says whether a mortgage is granted.",
            logging=tp.Logging(keep_for="1825d"),
            recourse=recourse,
        )
    ],
    # Whether a mortgage is repaid is known years later, and of one that was refused never: live traffic
    # can't compare how good two models are. So the gates decide on that, and the switch is watched for
    # what shows at once. Seconds here, so that you can wait for it; an hour in earnest.
    rollout=tp.Rollout(
        strategy="blue_green",
        bake="20s",
        max_duration="30m",
        guards=[tp.rollouts.Latency(quantile=0.95, margin="100ms")],
    ),
    # Rows that are unlike those that the model knows, and inputs that move.
    monitors=[tp.Drift(), tp.DataQuality(), tp.Health()],
)
