"""A home whose route serves one small model that is registered and signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import polars as pl

from towpath.assets.models import Inputs, Model, load_package, save_model
from towpath.assets.models.attestation import attest
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring


def route_board(ledger: Ledger, blobs: BlobStore, keyring: Keyring) -> str:
    """Serve `board` by `model:late@1`, with a challenger beside it, and return the package."""
    random = np.random.default_rng(7)
    rows = pl.DataFrame({"distance": random.normal(500, 100, 200)})
    inputs = Inputs.of(rows)
    late = (rows["distance"] > 500).cast(pl.Int8).to_numpy()
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(params, lightgbm.Dataset(inputs.matrix(rows), late), 10)
    package = save_model(Model(booster, inputs=inputs, outcome="late"), blobs)
    arms = [
        {"arm": arm, "release": 3, "model": f"model:late@{at}", "package": package, "weight": 0.5}
        for at, arm in enumerate(("champion", "challenger"), start=1)
    ]
    service = {
        "project": "flights",
        "subject_field": "tailnum",
        "durability": "ack",
        "salt": "s",
        "rollout": "r1",
        "stage": 0,
        "arms": arms,
    }
    spec = {"environment": "production", "services": {"board": service}}
    said: dict[str, Any] = {
        "package": package,
        "files": dict(load_package(package, blobs).files),
        "reference": blobs.put(b"a reference"),
    }
    with ledger.write() as tx:
        tx.versions.declare("model", "late", project="flights")
        for at in (1, 2):
            signed = {**said, "attestation": attest(Ref("model", "late", at), said, keyring)}
            tx.versions.commit("model", "late", digest=package, body=signed, state="approved")
        tx.intents.put("route", "production", project="towpath", spec=spec, due=False)
    return package
