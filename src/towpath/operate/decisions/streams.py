"""The streams that the log's files belong to, and what their rows go by.

decisions/SERVICE   what a service decided, by decision id and event time
labels              what was true, by decision id and when it was known
signals             what customers did, by decision id and when
keyed/SERVICE       likewise, by what the caller of a service called the thing decided on
"""

from __future__ import annotations

from typing import Final

DECISIONS: Final = "decisions/"
LABELS: Final = "labels"
SIGNALS: Final = "signals"
KEYED: Final = "keyed/"


def is_stream(stream: str) -> bool:
    """Tell whether a stream of the ledger is one of ours."""
    return stream in {LABELS, SIGNALS} or stream.startswith((DECISIONS, KEYED))


def service_of(stream: str) -> str:
    """Return the service whose rows a stream holds; empty where it holds those of all."""
    return stream.partition("/")[2]


def id_column(stream: str) -> str:
    """Return the column by which a file's rows are sorted, and which bounds it."""
    return "key" if stream.startswith(KEYED) else "decision_id"


def time_column(stream: str) -> str:
    """Return the column of event time, by which rows are cut into files."""
    if stream == LABELS:
        return "label_at"
    return "at" if stream.startswith(DECISIONS) else "signal_at"
