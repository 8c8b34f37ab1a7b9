"""How long will a ride take? Three ways to learn it on several machines; the same gates judge all of them."""

from data import rides
from network import fit_network
from trees import fit_lightgbm, fit_xgboost

import towpath as tp


@tp.pipeline
def train(holdout: str = "2d", trees: int = 200):
    """Learn from all rides but the last days', which judge."""
    past, recent = tp.split(rides.all(), by="began", last=holdout)
    return tp.candidate("duration", fit_xgboost(past, trees=trees), test=recent)


@tp.pipeline
def train_lightgbm(holdout: str = "2d", trees: int = 200):
    """The same with LightGBM."""
    past, recent = tp.split(rides.all(), by="began", last=holdout)
    return tp.candidate("duration", fit_lightgbm(past, trees=trees), test=recent)


@tp.pipeline
def train_network(holdout: str = "2d", epochs: int = 30):
    """The same with PyTorch: pip install 'towpath[torch]'."""
    past, recent = tp.split(rides.all(), by="began", last=holdout)
    return tp.candidate("duration", fit_network(past, epochs=epochs), test=recent)


project = tp.Project(
    "rides",
    owner="ops@example.org",
    datasets=[rides],
    pipelines=[train, train_lightgbm, train_network],
    gates=[tp.gates.Quality("rmse", at_most=8.0)],
)
