"""scikit-learn models: kept in the skops format, read against the platform's own list of types."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from towpath.assets.models.flavours.tasks import CHANCES, VALUES, agree
from towpath.core.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import Flavour, Task
    from towpath.assets.models.flavours.contract import Form, Scorer
    from towpath.assets.models.inputs import Inputs

_FILE = "model.skops"
_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NPY = b"\x93NUMPY"

ALLOWED_TYPES = (
    "numpy.dtype",
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.LogitLink",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Types beyond the ones skops trusts by itself. The list is ours alone: a package is never asked which
types it would like to be trusted (GHSA-w582-9x45-8mpx). Each was read: none runs code it is given."""


class SklearnFormat:
    """Fitted estimators and pipelines of scikit-learn."""

    flavour: Flavour = "sklearn"
    library = "scikit-learn"

    def claims(self, estimator: object) -> bool:
        """Tell whether it is scikit-learn's."""
        return type(estimator).__module__.partition(".")[0] == "sklearn"

    def fit(
        self,
        estimator: Any,
        inputs: Inputs,
        features: pl.DataFrame,
        outcome: npt.NDArray[np.generic] | None,
        groups: npt.NDArray[np.int64] | None,
    ) -> Any:
        """Fit a pipeline on the frame, so that it picks columns by name, and all else on the matrix."""
        from sklearn.pipeline import Pipeline  # noqa: PLC0415 - heavy

        del groups  # scikit-learn has no rankers: its scores are put in order by list
        rows = features if isinstance(estimator, Pipeline) else inputs.matrix(features)
        return estimator.fit(rows, outcome)

    def task(self, estimator: Any, asked: Task | None) -> Task:
        """Tell regressors, classifiers with probabilities and classes 0, 1, and detectors apart."""
        from sklearn.base import (  # noqa: PLC0415 - heavy
            is_classifier,
            is_outlier_detector,
            is_regressor,
        )
        from sklearn.exceptions import NotFittedError  # noqa: PLC0415
        from sklearn.utils.validation import check_is_fitted  # noqa: PLC0415

        name = type(estimator).__name__
        try:
            check_is_fitted(estimator)
        except (NotFittedError, TypeError) as error:
            raise UsageError(f"the {name} is not fitted", remedy="Call fit first.") from error
        if is_regressor(estimator):
            return agree(estimator, VALUES, asked)
        if is_outlier_detector(estimator) and hasattr(estimator, "score_samples"):
            return agree(estimator, ("anomaly",), asked)
        if not is_classifier(estimator) or not hasattr(estimator, "predict_proba"):
            raise UsageError(
                f"the {name} gives neither a probability nor a value",
                remedy="Use a regressor, a classifier with predict_proba, or a detector with "
                "score_samples.",
            )
        if [*estimator.classes_] != [0, 1]:
            raise UsageError(
                f"the {name}'s classes are {len(estimator.classes_)} labels other than 0 and 1",
                remedy="Train on an outcome that is 0 or 1.",
            )
        return agree(estimator, CHANCES, asked)

    def form(self, estimator: Any) -> Form:
        """An estimator that remembers column names was fitted on a data frame, and wants one."""
        return "frame" if hasattr(estimator, "feature_names_in_") else "matrix"

    def width(self, estimator: Any) -> int:
        """Return the number of columns it was fitted on."""
        return int(estimator.n_features_in_)

    def dump(self, estimator: Any) -> dict[str, bytes]:
        """Write the skops archive, its memory addresses and times replaced by plain numbers."""
        import skops.io  # noqa: PLC0415 - heavy

        data = skops.io.dumps(estimator)
        strange = sorted(set(skops.io.get_untrusted_types(data=data)) - set(ALLOWED_TYPES))
        if strange:
            raise UsageError(
                f"the {type(estimator).__name__} holds types that are not safe to load: {strange}",
                remedy="Use scikit-learn's own parts; functions and classes of your own can't be kept.",
                types=strange,
            )
        return {_FILE: _canonical(data)}

    def load(self, files: Mapping[str, bytes]) -> Any:
        """Read the estimator; a type outside the list is refused before anything is built."""
        import skops.io  # noqa: PLC0415 - heavy
        from skops.io.exceptions import UntrustedTypesFoundException  # noqa: PLC0415

        if set(files) != {_FILE}:
            raise IntegrityError(f"a scikit-learn package holds {_FILE!r}, not {sorted(files)}")
        try:
            return skops.io.loads(files[_FILE], trusted=list(ALLOWED_TYPES))
        except UntrustedTypesFoundException as error:
            raise IntegrityError(
                f"the scikit-learn package names types that are not allowed: {error}",
                remedy="Don't use it; find out where it came from.",
            ) from error
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError) as error:
            raise IntegrityError(f"the scikit-learn package can't be read: {error}") from error

    def scorer(self, files: Mapping[str, bytes], task: Task, *, threads: int) -> Scorer:  # noqa: ARG002 - see the docstring
        """Load the estimator; scikit-learn decides about threads itself."""
        estimator = self.load(files)

        def probability(rows: Any) -> npt.NDArray[np.float64]:
            return np.ascontiguousarray(estimator.predict_proba(rows)[:, 1], dtype=np.float64)

        def value(rows: Any) -> npt.NDArray[np.float64]:
            return np.asarray(estimator.predict(rows), dtype=np.float64).reshape(-1)

        def strangeness(rows: Any) -> npt.NDArray[np.float64]:
            return -np.asarray(estimator.score_samples(rows), dtype=np.float64).reshape(-1)

        if task == "anomaly":
            return strangeness
        return probability if hasattr(estimator, "predict_proba") else value


def _canonical(data: bytes) -> bytes:
    """Rewrite a skops archive so that the same estimator gives the same bytes in every process.

    skops names arrays and numbers nodes by memory address. Numbering them in the order in which the
    schema meets them keeps what refers to what, and drops where it happened to lie.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        members = {name: archive.read(name) for name in archive.namelist() if name != _SCHEMA}
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}
    pending: list[Any] = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if "__id__" in node:
                node["__id__"] = numbers.setdefault(node["__id__"], len(numbers))
            if node.get("file") in members:
                old = node["file"]
                node["file"] = names.setdefault(old, f"{len(names)}.{old.rpartition('.')[2]}")
            pending.extend(reversed(node.values()))
        elif isinstance(node, list):
            pending.extend(reversed(node))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_SCHEMA, _EPOCH), json.dumps(schema, indent=1))
        for old, new in names.items():
            archive.writestr(zipfile.ZipInfo(new, _EPOCH), _without_padding(members[old]))
    return buffer.getvalue()


def _without_padding(member: bytes) -> bytes:
    """Return an array's file with zeros between its fields.

    The nodes of trees are records with gaps, which hold whatever lay in memory before: other bytes in
    every process, and nobody knows whose.
    """
    if not member.startswith(_NPY):
        return member
    array = np.load(io.BytesIO(member), allow_pickle=False)
    names = array.dtype.names
    if not names or sum(array.dtype[name].itemsize for name in names) == array.dtype.itemsize:
        return member
    clean = np.zeros(array.shape, array.dtype)
    for name in names:
        clean[name] = array[name]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()
