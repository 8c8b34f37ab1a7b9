"""LightGBM through its C library: the same answers, from any thread, without its Python package."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
import pytest

from towpath.assets.models.flavours.booster import NativeBooster
from towpath.core.errors import IntegrityError

RANDOM = np.random.default_rng(5)
ROWS = RANDOM.normal(size=(400, 6))
ROWS[RANDOM.random(ROWS.shape) < 0.1] = np.nan
OUTCOME = (np.nan_to_num(ROWS[:, 0]) + RANDOM.normal(size=400) > 0).astype(float)


@pytest.fixture(scope="module")
def booster():
    data = lightgbm.Dataset(ROWS, OUTCOME)
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    return lightgbm.train(settings, data, 25)


@pytest.fixture
def native(booster):
    return NativeBooster(booster.model_to_string().encode())


def test_it_answers_bit_for_bit_as_the_python_package(booster, native):
    np.testing.assert_array_equal(native.predict(ROWS), booster.predict(ROWS))
    alone = np.concatenate([native.predict(row.reshape(1, -1)) for row in ROWS])
    np.testing.assert_array_equal(alone, booster.predict(ROWS))


def test_threads_do_not_mix_up_rows(native):
    expected = native.predict(ROWS)

    def ask(at):
        return native.predict(ROWS[at : at + 1])[0], native.predict(ROWS[at : at + 3])[0]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(len(ROWS))))
    np.testing.assert_array_equal(np.array(answers), np.column_stack([expected, expected]))


def test_an_answer_is_not_overwritten_by_the_next(native):
    first = native.predict(ROWS[:1])
    kept = first.copy()
    native.predict(ROWS[1:2])
    np.testing.assert_array_equal(first, kept)


def test_rows_of_another_width_are_refused(native):
    with pytest.raises(ValueError, match="6"):
        native.predict(ROWS[:, :5])


def test_several_answers_per_row_are_refused():
    data = lightgbm.Dataset(ROWS, RANDOM.integers(0, 3, 400))
    settings = {"objective": "multiclass", "num_class": 3, "verbosity": -1, "num_threads": 1}
    text = lightgbm.train(settings, data, 2).model_to_string().encode()
    with pytest.raises(IntegrityError, match="3 values per row"):
        NativeBooster(text)


@pytest.mark.parametrize("text", [b"", b"junk", b"tree\n", b"tree\nversion=v4\nnum_class=x\n"])
def test_what_is_no_model_is_refused(text):
    with pytest.raises(IntegrityError):
        NativeBooster(text)


COLD = """
import sys
import numpy as np
from towpath.assets.models import load_predictor
from towpath.storage.blobs import open_blobs
predictor = load_predictor(sys.argv[1], open_blobs(sys.argv[2]))
print(predictor.predict({"a": [0.5]})["late"][0])
heavy = {"lightgbm", "sklearn", "scipy", "pandas", "polars", "pyarrow"} & set(sys.modules)
assert not heavy, heavy
"""


def test_serving_imports_nothing_heavy(disk_blobs, tmp_path):
    import polars as pl

    from towpath.assets.models import Model, load_predictor, save_model

    frame = pl.DataFrame({"a": RANDOM.normal(size=100)})
    late = pl.Series("late", (frame["a"] > 0).cast(pl.Int8))
    estimator = lightgbm.LGBMClassifier(verbose=-1, n_jobs=1, n_estimators=3)
    digest = save_model(Model.fit(estimator, frame, late), disk_blobs)
    done = subprocess.run(
        [sys.executable, "-c", COLD, digest, f"file://{tmp_path}/blobs"],
        check=True,
        capture_output=True,
        text=True,
    )
    expected = load_predictor(digest, disk_blobs).predict({"a": [0.5]})["late"][0]
    assert float(done.stdout) == expected
