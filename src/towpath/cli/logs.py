"""Logs: readable on a terminal, JSON elsewhere; always to standard error."""

from __future__ import annotations

import logging
import os
import sys

import structlog

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logs(level: str | None = None, form: str | None = None) -> None:
    """Send structured events to standard error.

    Args:
        level: `debug`, `info`, `warning` or `error`; `TOWPATH_LOG_LEVEL`, else `warning`, when None.
        form: `json`, `text` or `auto`; `TOWPATH_LOG_FORMAT`, else `auto`, when None.
    """
    level = level or os.environ.get("TOWPATH_LOG_LEVEL", "warning")
    form = form or os.environ.get("TOWPATH_LOG_FORMAT", "auto")
    readable = form == "text" or (form == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS.get(level, 30)),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
