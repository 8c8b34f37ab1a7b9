"""What to put on the table for a reader? A recommender, judged list by list."""

from datetime import datetime

import polars as pl

import towpath as tp


class Loan(tp.Schema):
    """A book that a reader was offered, and whether it was taken home."""

    loan: str
    reader: str
    book: int
    at: datetime
    taken: float


loans = tp.Dataset("loans", schema=Loan, key="loan", time="at", subject="reader")


@tp.step
def fit(past: pl.DataFrame) -> tp.Model:
    """Learn a vector for each reader and each book from what was taken."""
    return tp.Model.fit(
        tp.Factors(size=8, rounds=8, confidence=5.0),
        past.select("reader", "book"),
        past["taken"],
        group=past["reader"],
    )


@tp.pipeline
def train():
    past, recent = tp.split(loans.all(), by="at", last="10d")
    return tp.candidate("what-to-read", fit(past), test=recent)


project = tp.Project(
    "library",
    owner="desk@example.com",
    datasets=[loans],
    pipelines=[train],
    gates=[
        # In an order by chance, the first ten of some twenty hold half of what will be taken.
        tp.gates.Quality("recall@10", at_least=0.7),
        tp.gates.Quality("ndcg@5", at_least=0.7),
    ],
    services=[tp.Service("table", model="what-to-read", subject="reader")],
    rollout=tp.Rollout(metric="mse", margin=0.02),
)
