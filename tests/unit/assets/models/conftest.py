"""A registry with a small packaged model, and what a pipeline would say about it."""

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from towpath.assets.models import Model, ModelRegistry, Registration, save_model
from towpath.core.ids import new_id
from towpath.core.refs import Ref


@pytest.fixture
def registry(sqlite_ledger, disk_blobs, keyring):
    return ModelRegistry(sqlite_ledger, disk_blobs, keyring)


@pytest.fixture
def package(disk_blobs):
    """Return a function that packages a model; another seed is another model."""

    def make(seed=0):
        rows = pl.DataFrame({"wind": np.random.default_rng(seed).normal(size=60)})
        late = pl.Series("late", (rows["wind"] > 0).cast(pl.Int8))
        return save_model(Model.fit(LogisticRegression(), rows, late), disk_blobs)

    return make


@pytest.fixture
def proposal(sqlite_ledger, disk_blobs, package):
    """Return a function that describes a finished pipeline run's candidate."""

    def make(seed=0, **changes):
        run = new_id()
        with sqlite_ledger.write() as tx:
            tx.versions.declare("dataset", "flights", project="flights")
            if tx.versions.latest("dataset", "flights") is None:
                body = {"rows": 1200, "time": "scheduled"}
                tx.versions.commit("dataset", "flights", digest="0" * 64, body=body)
            tx.runs.start(kind="pipeline", name="train", project="flights", run_id=run)
            tx.graph.link(Ref("run", run), "used", Ref("dataset", "flights", 1))
        fields = {
            "name": "late",
            "project": "flights",
            "package": package(seed),
            "run": run,
            "pipeline": "train",
            "params": {"window": "8 weeks"},
            "code": Ref("code", "flights", 1),
            "datasets": (Ref("dataset", "flights", 1),),
            "lock": "1" * 64,
            "conditions": "2" * 64,
            "champion": None,
            "metrics": {"roc_auc": 0.71},
            "gates": (
                {"gate": "quality:roc_auc", "verdict": "pass", "summary": "0.71", "evidence": {}},
            ),
            "verdict": "pass",
            "report": disk_blobs.put(b"# Report\n"),
            "reference": disk_blobs.put(b'{"seed":%d}' % seed),
        }
        return Registration(**(fields | changes))

    return make
