"""Decisions and labels as columns: how rows of records become frames, and back."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from towpath.core.clock import to_micros
from towpath.operate.decisions.batches import origin_of
from towpath.operate.decisions.contract import INPUT, OUTPUT
from towpath.operate.decisions.records import Decision, Label, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from towpath.operate.decisions.batches import DecisionBatch, DecisionOrigin

_TIME: Final = pl.Datetime("us", "UTC")

_NOT_PLAIN: Final = frozenset({"at", "recorded", "kept"})

DECISION_SCHEMA: Final[dict[str, Any]] = {
    "decision_id": pl.String,
    "at": _TIME,
    "recorded": _TIME,
    "service": pl.String,
    "release": pl.String,
    "model": pl.String,
    "arm": pl.String,
    "rollout": pl.String,
    "stage": pl.Int64,
    "key": pl.String,
    "subject": pl.String,
    "status": pl.String,
    "error": pl.String,
    "latency_us": pl.Int64,
    "kept": pl.Float64,
    "service_version": pl.String,
}
"""The columns that every decision has; those of inputs and outputs follow."""

LABEL_SCHEMA: Final[dict[str, Any]] = {
    "decision_id": pl.String,
    "label": pl.Float64,
    "label_at": _TIME,
    "label_recorded": _TIME,
    "label_source": pl.String,
}

SIGNAL_SCHEMA: Final[dict[str, Any]] = {
    "decision_id": pl.String,
    "signal": pl.String,
    "value": pl.Float64,
    "signal_at": _TIME,
    "signal_recorded": _TIME,
    "signal_source": pl.String,
    "service": pl.String,
    "key": pl.String,
}
"""Signals as they are stored: either `decision_id`, or `service` and `key`, is there."""


def decisions_frames(decisions: Iterable[Decision]) -> list[pl.DataFrame]:
    """Return one frame per service and set of inputs, in the order the records came.

    Rows of models that take other inputs don't share a frame: so a null is a value that the model was
    given as missing, and never a column that it does not have.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[Decision]] = defaultdict(list)
    for decision in decisions:
        groups[decision.service, tuple(decision.inputs)].append(decision)
    return [_decisions_frame(rows, inputs) for (_, inputs), rows in groups.items()]


def batches_frames(batches: Iterable[DecisionBatch]) -> list[pl.DataFrame]:
    """Return batches as frames, one per arm, without making a record of each decision.

    What `decisions_frames` makes of the decisions of the batches, at a fraction of the cost: a batch is
    columns already, and many of them laid end to end are longer columns.
    """
    groups: dict[tuple[bytes, bool], list[DecisionBatch]] = defaultdict(list)
    for batch in batches:
        groups[bytes(batch.origin), isinstance(batch.inputs, bytes)].append(batch)
    return [_batches_frame(origin_of(origin), alike) for (origin, _), alike in groups.items()]


def labels_frame(labels: Sequence[Label]) -> pl.DataFrame:
    """Return labels as a frame of `LABEL_SCHEMA`, in the order they came."""
    return pl.DataFrame(
        {
            "decision_id": pl.Series([label.decision_id for label in labels], dtype=pl.String),
            "label": pl.Series([label.value for label in labels], dtype=pl.Float64),
            "label_at": _times([label.at_us for label in labels]),
            "label_recorded": _times([label.recorded_us for label in labels]),
            "label_source": pl.Series([label.source for label in labels], dtype=pl.String),
        }
    )


def signals_frame(signals: Sequence[Signal]) -> pl.DataFrame:
    """Return signals as a frame of `SIGNAL_SCHEMA`, in the order they came."""
    columns = {
        "decision_id": [signal.decision_id for signal in signals],
        "signal": [signal.name for signal in signals],
        "value": [signal.value for signal in signals],
        "signal_source": [signal.source for signal in signals],
        "service": [signal.service for signal in signals],
        "key": [signal.key for signal in signals],
    }
    frame = pl.DataFrame(
        {name: pl.Series(values, dtype=SIGNAL_SCHEMA[name]) for name, values in columns.items()}
    )
    return frame.with_columns(
        signal_at=_times([signal.at_us for signal in signals]),
        signal_recorded=_times([signal.recorded_us for signal in signals]),
    ).select(*SIGNAL_SCHEMA)


def decision_of(row: Mapping[str, Any]) -> Decision:
    """Return the record that a frame's row was made from."""
    outputs = {
        name.removeprefix(OUTPUT): value
        for name, value in row.items()
        if name.startswith(OUTPUT) and value is not None
    }
    inputs = {
        name.removeprefix(INPUT): value for name, value in row.items() if name.startswith(INPUT)
    }
    plain: dict[str, Any] = {
        name: row.get(name) for name in DECISION_SCHEMA if name not in _NOT_PLAIN
    }
    return Decision(
        **plain,
        kept=1.0 if row.get("kept") is None else row["kept"],  # a file from before sampling
        at_us=to_micros(row["at"]),
        recorded_us=to_micros(row["recorded"]),
        inputs=inputs,
        outputs=outputs,
    )


def label_of(row: Mapping[str, Any]) -> Label:
    """Return the record that a label frame's row was made from."""
    return Label(
        decision_id=row["decision_id"],
        value=row["label"],
        at_us=to_micros(row["label_at"]),
        recorded_us=to_micros(row["label_recorded"]),
        source=row["label_source"],
    )


def signal_of(row: Mapping[str, Any]) -> Signal:
    """Return the record that a signal frame's row was made from."""
    return Signal(
        decision_id=row["decision_id"],
        name=row["signal"],
        value=row["value"],
        at_us=to_micros(row["signal_at"]),
        recorded_us=to_micros(row["signal_recorded"]),
        source=row["signal_source"],
        service=row.get("service"),
        key=row.get("key"),
    )


def stack(frames: Sequence[pl.LazyFrame], schema: Mapping[str, Any]) -> pl.LazyFrame:
    """Put frames under each other; columns that one lacks are null there, types widen as needed."""
    if not frames:
        return pl.LazyFrame(schema=dict(schema))
    return pl.concat(frames, how="diagonal_relaxed")


def last_labels(labels: pl.LazyFrame) -> pl.LazyFrame:
    """Keep, of several labels for one decision, the one recorded last."""
    return labels.sort("label_recorded", maintain_order=True).unique(
        "decision_id", keep="last", maintain_order=True
    )


def last_signals(signals: pl.LazyFrame) -> pl.LazyFrame:
    """Keep, of several signals of one name for one decision, the one recorded last."""
    return signals.sort("signal_recorded", maintain_order=True).unique(
        ["decision_id", "signal"], keep="last", maintain_order=True
    )


def _decisions_frame(rows: Sequence[Decision], inputs: Sequence[str]) -> pl.DataFrame:
    """Return the frame of rows that share a service and their inputs."""
    columns: dict[str, pl.Series] = {}
    for name, dtype in DECISION_SCHEMA.items():
        if dtype == _TIME:
            columns[name] = _times([getattr(row, f"{name}_us") for row in rows])
        else:
            columns[name] = pl.Series([getattr(row, name) for row in rows], dtype=dtype)
    for name in inputs:
        columns[INPUT + name] = pl.Series([row.inputs[name] for row in rows], strict=False)
    for name in dict.fromkeys(name for row in rows for name in row.outputs):
        columns[OUTPUT + name] = pl.Series([row.outputs.get(name) for row in rows], strict=False)
    return pl.DataFrame(columns)


def _batches_frame(origin: DecisionOrigin, batches: Sequence[DecisionBatch]) -> pl.DataFrame:
    """Return the frame of batches of one origin, whose inputs are all matrices or all columns."""
    counts = [len(batch.ids) for batch in batches]
    rows = sum(counts)

    def each(values: Sequence[Any], dtype: Any) -> pl.Series:
        """Repeat a value of each batch for its rows."""
        return pl.Series(values, dtype=dtype).gather(np.repeat(np.arange(len(counts)), counts))

    def own(name: str) -> pl.Series:
        """Lay a text of each row end to end."""
        values: list[str | None] = []
        for batch, count in zip(batches, counts, strict=True):
            values += getattr(batch, name) or [None] * count
        return pl.Series(values, dtype=pl.String)

    errors = [batch.error for batch in batches]
    columns: dict[str, pl.Series] = {
        "decision_id": own("ids"),
        "at": _times([at for batch in batches for at in batch.at_us]),
        "recorded": each([batch.recorded_us for batch in batches], pl.Int64).cast(_TIME),
        "key": own("keys"),
        "subject": own("subjects"),
        "status": each(["ok" if error is None else "error" for error in errors], pl.String),
        "error": each(errors, pl.String),
        "latency_us": each([batch.latency_us for batch in batches], pl.Int64),
        "kept": each([batch.kept for batch in batches], pl.Float64),
        "service_version": each([batch.service_version for batch in batches], pl.String),
    }
    for name, dtype in DECISION_SCHEMA.items():
        if name not in columns:
            columns[name] = pl.repeat(getattr(origin, name), rows, dtype=dtype, eager=True)
    plain = {name: columns[name] for name in DECISION_SCHEMA}
    answers: list[float | None] = []
    for batch, count in zip(batches, counts, strict=True):
        answers += [None] * count if batch.outputs is None else batch.outputs
    output = pl.Series(answers, dtype=pl.Float64)
    has_output = any(batch.outputs is not None for batch in batches)
    return pl.DataFrame(
        plain
        | _inputs_of(origin, batches)
        | ({OUTPUT + origin.output: output} if has_output else {})
    )


def _inputs_of(origin: DecisionOrigin, batches: Sequence[DecisionBatch]) -> dict[str, pl.Series]:
    """Return the input columns of batches of one origin."""
    columns: dict[str, pl.Series] = {}
    raw = b"".join(batch.inputs for batch in batches if isinstance(batch.inputs, bytes))
    if raw or all(isinstance(batch.inputs, bytes) for batch in batches):
        matrix = np.frombuffer(raw, "<f8").reshape(-1, max(1, len(origin.inputs)))
        for at, name in enumerate(origin.inputs):
            values = pl.Series(matrix[:, at]).fill_nan(None)
            if at in origin.wholes:
                values = values.cast(pl.Int64)
            elif at in origin.truths:
                values = values != 0.0
            columns[INPUT + name] = values
        return columns
    listed = [batch.inputs for batch in batches if not isinstance(batch.inputs, bytes)]
    for at, name in enumerate(origin.inputs):
        found = [value for inputs in listed for value in inputs[at]]
        columns[INPUT + name] = pl.Series(found, strict=False)
    return columns


def _times(micros: Sequence[int]) -> pl.Series:
    return pl.Series(micros, dtype=pl.Int64).cast(_TIME)
