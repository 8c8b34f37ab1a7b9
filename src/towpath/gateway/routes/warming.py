"""A model's first answers, before anybody waits for them.

What a library does once (tables, threads, pages of a file that was only mapped) it does here, and a model that
can't answer at all is found out before it has a caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog

from towpath.core.errors import IntegrityError, InvalidRequest, TowpathError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from towpath.assets.models import Predictor, TensorSpec

_TIMES: Final = 2
_BATCH: Final = 32
_log = structlog.get_logger()


def warm_up(
    predictor: Predictor,
    levels: Mapping[str, Sequence[str]],
    rows: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Have a model answer one row, and a batch.

    Without rows they are made of the model's signature: noughts, and levels that it knows. Nobody has said
    that such a row makes sense, so a model may refuse it; a row that was declared it must answer.

    Args:
        predictor: The model.
        levels: The levels of its categorical columns.
        rows: Rows that it must be able to answer, as columns and values.

    Raises:
        IntegrityError: It can't answer, or answers with what is no number.
    """
    made = list(rows) or [_row(predictor.signature.inputs, levels, at) for at in range(2)]
    try:
        for count in (1, _BATCH):
            taken = [made[at % len(made)] for at in range(count)]
            for _ in range(_TIMES):
                _ask(predictor, taken)
    except InvalidRequest as error:
        if rows:
            raise IntegrityError(
                f"the model refuses a row of its warm-up: {error.message}",
                remedy="Mend the service's warm_up, or release a model that takes such rows.",
            ) from error
        _log.info("model.cold", package=predictor.package, reason=error.message)


def _ask(predictor: Predictor, rows: Sequence[Mapping[str, Any]]) -> None:
    names = [spec.name for spec in predictor.signature.inputs]
    columns = {
        name: [row.get(name) for row in rows] for name in names if any(name in row for row in rows)
    }
    try:
        answers = predictor.predict(columns)
    except TowpathError:
        raise
    except Exception as error:
        raise IntegrityError(
            f"the model failed its warm-up ({type(error).__name__})",
            remedy="It is not served. Its library, or what it was made with, may be of another version.",
        ) from error
    for name, values in answers.items():
        if len(values) != len(rows) or not np.isfinite(values).all():
            raise IntegrityError(f"the model's answer {name!r} to its warm-up is no number")


def _row(
    specs: Sequence[TensorSpec], levels: Mapping[str, Sequence[str]], at: int
) -> dict[str, Any]:
    """Make a row of a signature; the second differs from the first."""
    row: dict[str, Any] = {}
    for spec in specs:
        if spec.datatype == "BYTES":
            known = levels.get(spec.name) or ("",)
            row[spec.name] = known[at % len(known)]
        elif spec.datatype == "BOOL":
            row[spec.name] = bool(at)
        else:
            row[spec.name] = float(at) if spec.datatype.startswith("FP") else at
    return row
