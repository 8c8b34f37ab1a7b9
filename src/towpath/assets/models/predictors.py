"""From a package to answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from towpath.assets.models.compiling import open_compiled
from towpath.assets.models.flavours import FORMATS
from towpath.assets.models.packages import load_files, load_package
from towpath.assets.models.rows import RowReader, are_finite
from towpath.core.errors import IntegrityError, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import polars as pl

    from towpath.assets.models.contract import ColumnValues, Rows, Signature, Task
    from towpath.assets.models.flavours import Scorer
    from towpath.assets.models.packages import Package
    from towpath.storage.blobs.contract import BlobStore


def load_predictor(digest: str, blobs: BlobStore, *, threads: int = 1) -> PackagePredictor:
    """Load a package for answering.

    A LightGBM model is opened through its C library, a compiled one by ONNX Runtime, a compiled
    LightGBM model by both (tens of milliseconds each); a scikit-learn model that is not compiled has to import scikit-learn (about a
    second).

    Args:
        digest: The package.
        blobs: Where its blobs are.
        threads: How many threads a batch may use, where the flavour lets us say.

    Raises:
        NotFound: There is no such package, or one of its files is gone.
        CorruptBlob: Its bytes were changed.
        IntegrityError: It is not a package, or names what must not be loaded.
    """
    package = load_package(digest, blobs)
    return PackagePredictor(digest, package, _open(package, blobs, threads=threads))


def _open(package: Package, blobs: BlobStore, *, threads: int) -> Scorer:
    """Open the form that the package says answers, and no other."""
    execution = package.execution

    def native() -> Scorer:
        files = load_files(package, blobs)
        return FORMATS[package.flavour].scorer(files, package.task, threads=threads)

    if execution.file is None:
        return native()
    graph = blobs.get(package.files[execution.file])
    alone = native() if execution.alone == "native" else None
    return open_compiled(graph, execution, package.task, alone=alone)


class PackagePredictor:
    """The `Predictor` of a package: reads the columns, asks the scorer, names the answer."""

    def __init__(self, digest: str, package: Package, scorer: Scorer) -> None:
        self._digest = digest
        self._task: Task = package.task
        self._signature = package.signature
        self._output = package.output
        self._scorer = scorer
        self._inputs = package.inputs
        self._form = package.form
        self._reader = RowReader(package.inputs)

    @property
    def package(self) -> str:
        """Digest of the package."""
        return self._digest

    @property
    def task(self) -> Task:
        """What the output means."""
        return self._task

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        return self._signature

    def read(self, inputs: Mapping[str, ColumnValues]) -> Rows:
        """Check rows; see `Predictor.read`."""
        return self._reader.matrix(inputs) if self._form == "matrix" else self._reader.frame(inputs)

    def read_matrix(self, matrix: npt.NDArray[np.float64]) -> Rows:
        """Check rows in one matrix; see `Predictor.read_matrix`."""
        checked = self._reader.check(matrix)
        return checked if self._form == "matrix" else self._reader.framed(checked)

    def answer(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Answer what was read, or laid out from a table; see `Predictor.answer`."""
        if len(rows) == 0:
            return np.empty(0, dtype=np.float64)
        try:
            answers = self._scorer(rows)
        except (ValueError, TypeError) as error:
            raise InvalidRequest(
                f"the model can't answer these rows ({type(error).__name__})",
                remedy="Its own preparation refused a value that it never saw in training.",
            ) from error
        if not are_finite(answers):
            raise IntegrityError(
                f"the model package {self._digest} gave an answer that is not a number",
                digest=self._digest,
            )
        return answers

    def predict(self, inputs: Mapping[str, ColumnValues]) -> dict[str, npt.NDArray[np.float64]]:
        """Answer rows; see `Predictor.predict`."""
        return {self._output: self.answer(self.read(inputs))}

    def score(self, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Answer the rows of a stored table, `(n,) float64`, as evaluations and replays need it.

        Unlike a request, a table may have missing values in columns that had none in training; the
        model's own treatment of them applies.

        Raises:
            UsageError: The table lacks one of the model's columns.
            InvalidRequest: The model can't answer a row.
        """
        if self._form == "matrix":
            return self.answer(self._inputs.matrix(frame))
        return self.answer(self._inputs.frame(frame))
