"""Reading a scikit-learn package never runs what the package says."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from towpath.assets.models.flavours.sklearn import SklearnFormat
from towpath.core.errors import IntegrityError, UsageError

ROWS = np.random.default_rng(3).normal(size=(50, 2))
LATE = (ROWS[:, 0] > 0).astype(int)


class Canary:
    """Would leave a file behind if anybody built it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_a_package_can_not_bring_its_own_types(tmp_path):
    estimator = LogisticRegression().fit(ROWS, LATE)
    estimator.intercept_ = Canary(str(tmp_path / "canary"))
    data = skops.io.dumps(estimator)
    with pytest.raises(IntegrityError, match="Canary"):
        SklearnFormat().load({"model.skops": data})
    assert not (tmp_path / "canary").exists()


def test_a_package_can_not_name_a_function_to_call(tmp_path):
    data = SklearnFormat().dump(LogisticRegression().fit(ROWS, LATE))["model.skops"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        schema = json.loads(old.read("schema.json"))
        schema |= {"__module__": "os", "__class__": "system", "__loader__": "TypeNode"}
        new.writestr("schema.json", json.dumps(schema))
    with pytest.raises(IntegrityError):
        SklearnFormat().load({"model.skops": buffer.getvalue()})


def test_functions_of_ones_own_are_refused_when_saving():
    pipeline = make_pipeline(FunctionTransformer(shout), LogisticRegression()).fit(ROWS, LATE)
    with pytest.raises(UsageError, match="shout"):
        SklearnFormat().dump(pipeline)


def shout(rows):
    return rows * 2


@pytest.mark.parametrize("files", [{}, {"model.pkl": b""}, {"model.skops": b"PK"}])
def test_other_files_are_refused(files):
    with pytest.raises(IntegrityError):
        SklearnFormat().load(files)


SCRIPT = """
import hashlib, sys
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from towpath.assets.models.flavours.sklearn import SklearnFormat
waste = [object() for _ in range(int(sys.argv[1]))]
rows = np.random.default_rng(3).normal(size=(60, 2))
model = make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=3, random_state=0))
data = SklearnFormat().dump(model.fit(rows, rows[:, 0] > 0))["model.skops"]
print(hashlib.sha256(data).hexdigest())
"""


def test_two_processes_write_the_same_bytes():
    digests = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT, waste], check=True, capture_output=True, text=True
        ).stdout
        for waste in ("1", "100000")
    }
    assert len(digests) == 1
