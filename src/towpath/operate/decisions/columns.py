"""Decisions and labels as columns: how rows of records become frames, and back."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from towpath.core.clock import to_micros
from towpath.operate.decisions.contract import INPUT, OUTPUT
from towpath.operate.decisions.records import Decision, Label, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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


def _times(micros: Sequence[int]) -> pl.Series:
    return pl.Series(micros, dtype=pl.Int64).cast(_TIME)
