"""LightGBM's C library, without its Python package.

Importing the Python package costs seconds and more than a hundred megabytes; the library alone opens
in milliseconds, and its single-row call is twice as fast. Only documented entry points of the C API
are used (LightGBM 3 and 4, `include/LightGBM/c_api.h`).
"""

from __future__ import annotations

import ctypes
import importlib.util
import threading
from functools import cache
from pathlib import Path
from weakref import finalize

import numpy as np
import numpy.typing as npt

from towpath.core.errors import IntegrityError, Unavailable

_DTYPE_FLOAT64 = 1
_PREDICT_NORMAL = 0
_PREDICT_RAW = 1
_PREDICT_LEAF = 2
_PREDICT_CONTRIB = 3
_ALL_ITERATIONS = -1
_ROW_MAJOR = 1


class NativeBooster:
    """A booster that only predicts. Thread-safe.

    Args:
        model_text: LightGBM's model text.
        threads: How many threads a batch may use. One row never uses more than its own.

    Raises:
        IntegrityError: The text is not a model, or gives more than one value per row.
        Unavailable: LightGBM is not installed.
    """

    def __init__(self, model_text: bytes, *, threads: int = 1) -> None:
        self._library = _library()
        self._handle = ctypes.c_void_p()
        iterations = ctypes.c_int()
        if not model_text.startswith(b"tree\n"):  # the library aborts on some texts that don't
            raise IntegrityError("the bytes are not a LightGBM model text")
        self._check(
            self._library.LGBM_BoosterLoadModelFromString(
                model_text, ctypes.byref(iterations), ctypes.byref(self._handle)
            )
        )
        self._fast = ctypes.c_void_p()
        finalize(self, _free, self._library, self._handle, self._fast)
        outputs = self._number("LGBM_BoosterGetNumClasses")
        if outputs != 1:
            raise IntegrityError(f"the LightGBM model gives {outputs} values per row, not one")
        self.width = self._number("LGBM_BoosterGetNumFeature")
        self._batch_settings = f"num_threads={threads} verbosity=-1".encode()
        self._row_lock = threading.Lock()
        self._open_row()

    def predict(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Answer `(n, width) float64`, C-ordered, with `(n,) float64`: bit for bit row by row."""
        if rows.shape == self._row.shape:
            with self._row_lock:
                self._row[:] = rows
                code = self._score_row()
                if code:
                    self._check(code)
                return self._answer.copy()
        if rows.ndim != 2 or rows.shape[1] != self.width:
            raise ValueError(f"expected (n, {self.width}) values, got {rows.shape}")
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        answers = np.empty(rows.shape[0], dtype=np.float64)
        if rows.shape[0]:
            self._score_batch(rows, answers, _PREDICT_NORMAL)
        return answers

    def raw(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the sums of the leaves, `(n,) float64`, before the objective makes answers of them."""
        return self._ask(rows, (len(rows),), _PREDICT_RAW)

    def contributions(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what each column adds to `raw`, and last the base: `(n, width + 1) float64`.

        Exact path-dependent TreeSHAP, as `pred_contrib` of the Python package.
        """
        return self._ask(rows, (len(rows), self.width + 1), _PREDICT_CONTRIB)

    def leaves(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the number of the leaf in which each row ends in each tree, `(n, trees) float64`."""
        return self._ask(rows, (len(rows), self.trees), _PREDICT_LEAF)

    @property
    def trees(self) -> int:
        """How many trees there are."""
        return self._number("LGBM_BoosterNumberOfTotalModel")

    def _ask(
        self, rows: npt.NDArray[np.float64], shape: tuple[int, ...], kind: int
    ) -> npt.NDArray[np.float64]:
        answers = np.empty(shape, dtype=np.float64)
        if len(rows):
            self._score_batch(np.ascontiguousarray(rows, dtype=np.float64), answers, kind)
        return answers

    def _open_row(self) -> None:
        """Prepare the single-row call: settings are parsed once, and the buffers never move."""
        self._check(
            self._library.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._handle,
                _PREDICT_NORMAL,
                0,
                _ALL_ITERATIONS,
                _DTYPE_FLOAT64,
                self.width,
                b"num_threads=1 verbosity=-1",
                ctypes.byref(self._fast),
            )
        )
        self._row = np.empty((1, self.width), dtype=np.float64)
        self._answer = np.empty(1, dtype=np.float64)
        call = self._library.LGBM_BoosterPredictForMatSingleRowFast
        given, length = ctypes.c_void_p(self._row.ctypes.data), ctypes.c_int64()
        answer, count = ctypes.c_void_p(self._answer.ctypes.data), ctypes.byref(length)
        fast = self._fast
        self._score_row = lambda: call(fast, given, count, answer)

    def _score_batch(
        self, rows: npt.NDArray[np.float64], answers: npt.NDArray[np.float64], kind: int
    ) -> None:
        length = ctypes.c_int64()
        self._check(
            self._library.LGBM_BoosterPredictForMat(
                self._handle,
                ctypes.c_void_p(rows.ctypes.data),
                _DTYPE_FLOAT64,
                ctypes.c_int32(rows.shape[0]),
                ctypes.c_int32(rows.shape[1]),
                _ROW_MAJOR,
                kind,
                0,
                _ALL_ITERATIONS,
                self._batch_settings,
                ctypes.byref(length),
                ctypes.c_void_p(answers.ctypes.data),
            )
        )

    def _number(self, question: str) -> int:
        answer = ctypes.c_int()
        self._check(getattr(self._library, question)(self._handle, ctypes.byref(answer)))
        return answer.value

    def _check(self, code: int) -> None:
        if code != 0:
            reason = self._library.LGBM_GetLastError().decode(errors="replace")
            raise IntegrityError(f"LightGBM can't use the model: {reason}")


def _free(library: ctypes.CDLL, booster: ctypes.c_void_p, fast: ctypes.c_void_p) -> None:
    """Give back what the library holds: first the row call, which points into the booster."""
    if fast:
        library.LGBM_FastConfigFree(fast)
    if booster:
        library.LGBM_BoosterFree(booster)


@cache
def _library() -> ctypes.CDLL:
    """Open the shared library that the Python package carries."""
    spec = importlib.util.find_spec("lightgbm")  # finds, without importing
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        for name in ("lib_lightgbm.so", "lib_lightgbm.dylib", "lib_lightgbm.dll"):
            path = Path(folder) / "lib" / name
            if path.is_file():
                try:
                    library = ctypes.CDLL(str(path))
                except OSError as error:
                    raise Unavailable(
                        f"LightGBM's library can't be opened: {error}",
                        remedy="It needs the OpenMP runtime; install libgomp1 (or libomp).",
                    ) from error
                library.LGBM_GetLastError.restype = ctypes.c_char_p
                return library
    raise Unavailable("LightGBM is not installed", remedy="Install the package 'lightgbm'.")
