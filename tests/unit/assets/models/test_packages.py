"""Package manifests: their format stays, and what is not one is refused by name."""

import json

import lightgbm
import numpy as np
import polars as pl
import pytest

from towpath.assets.models import Model, load_model, load_package, load_predictor, save_model
from towpath.core.errors import IntegrityError, NotFound

# The manifest as it is on disk. Changing it means a new format number, and reading both.
GOLDEN = (
    '{"files":{"model.txt":"%s"},"flavour":"lightgbm","form":"matrix","format":1,"inputs":{"columns":['
    '{"datatype":"FP64","name":"a","nullable":false,"shape":[-1]},'
    '{"datatype":"BYTES","name":"o","nullable":false,"shape":[-1]}],"levels":{"o":["x","y"]}},'
    '"library":"lightgbm %s","outcome":"late","output":"chance","task":"binary",'
    '"towpath":"model-package"}'
)


@pytest.fixture(scope="module")
def model():
    random = np.random.default_rng(1)
    frame = pl.DataFrame({"a": random.normal(size=200), "o": random.choice(["x", "y"], 200)})
    estimator = lightgbm.LGBMClassifier(verbose=-1, n_jobs=1, n_estimators=2)
    late = pl.Series("late", (frame["a"] > 0).cast(pl.Int8))
    return Model.fit(estimator, frame, late, output="chance")


def test_the_manifest_is_canonical_json(model, disk_blobs):
    digest = save_model(model, disk_blobs)
    (file,) = load_package(digest, disk_blobs).files.values()
    assert disk_blobs.get(digest).decode() == GOLDEN % (file, lightgbm.__version__)
    assert set(disk_blobs.walk()) == {digest, file}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flavour": "pickle"}, "unknown flavour 'pickle'.*lightgbm, sklearn"),
        ({"format": 3}, "has format 3"),
        ({"towpath": "something else"}, "is not a model package"),
        ({"inputs": None}, "is incomplete"),
        ({"files": {"other.txt": "0" * 64}}, "other.txt|0000"),
    ],
)
def test_what_this_version_does_not_know_is_refused(model, disk_blobs, change, message):
    manifest = json.loads(disk_blobs.get(save_model(model, disk_blobs)))
    digest = disk_blobs.put(json.dumps(manifest | change).encode())
    for load in (load_predictor, load_model):
        with pytest.raises((IntegrityError, NotFound), match=message):
            load(digest, disk_blobs)


@pytest.mark.parametrize("data", [b"", b"\x80\x04pickle", b"[1]", b'{"a"', b"\xff\xfe"])
def test_other_blobs_are_not_packages(disk_blobs, data):
    digest = disk_blobs.put(data)
    with pytest.raises(IntegrityError, match=f"{digest} is not a model package"):
        load_package(digest, disk_blobs)
