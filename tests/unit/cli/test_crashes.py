"""What logs tell of exceptions: where they come from, and no value that they quote."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import structlog

from towpath.cli.crashes import tell_crash
from towpath.core.errors import Unavailable

VALUE = "ann@example.org"
LOGS = f"""
import sys
import structlog
from towpath.cli.logs import configure_logs

configure_logs("info", sys.argv[1])
try:
    float({VALUE!r})
except ValueError:
    structlog.get_logger().exception("request.failed")
"""


def convert(value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise Unavailable("the feature can't be read", remedy="Try again.") from error


@pytest.fixture
def told() -> str:
    """What is logged of an error of ours that came of somebody else's."""
    events: list[Any] = []

    def keep(_logger: Any, _name: str, event: Any) -> Any:
        events.append(tell_crash(_logger, _name, event))
        raise structlog.DropEvent

    logger = structlog.make_filtering_bound_logger(0)
    log = structlog.wrap_logger(None, processors=[keep], wrapper_class=logger)
    try:
        convert(VALUE)
    except Unavailable:
        log.exception("request.failed")
    (event,) = events
    assert "exc_info" not in event
    return event["exception"]


def test_a_foreign_message_is_not_told(told: str):
    assert VALUE not in told
    assert "ValueError" in told


def test_our_own_message_and_the_places_of_both_are(told: str):
    assert "towpath.core.errors.Unavailable: the feature can't be read. Try again." in told
    assert told.count("in convert") == 2
    assert told.index("Unavailable") < told.index("ValueError")


def test_an_event_without_an_exception_stays_as_it_is():
    assert tell_crash(None, "info", {"event": "role.started"}) == {"event": "role.started"}


def test_an_exception_that_is_handed_over_is_told():
    error = KeyError(VALUE)
    assert tell_crash(None, "error", {"exc_info": error}) == {"exception": "KeyError"}


@pytest.mark.parametrize("form", ["json", "text"])
def test_the_program_logs_like_that(form: str):
    command = [sys.executable, "-c", LOGS, form]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "request.failed" in said
    assert "ValueError" in said
    assert VALUE not in said
