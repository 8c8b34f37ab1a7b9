"""Where the answers of shadows lie in the decision log."""

from __future__ import annotations


def shadow_of(service: str) -> str:
    """Return the name under which the log keeps what a service's shadow answered.

    A name of its own, which no service can have, so that nobody who counts, watches or explains the
    decisions of a service meets an answer that was never given. A copy's `key` is the id of the
    decision whose request it saw, and its event time and subject are that decision's.
    """
    return f"{service}~shadow"
