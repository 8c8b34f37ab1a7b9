"""Where log lines go, and what becomes of a program whose lines can't go there."""

from __future__ import annotations

import json
import os
import subprocess
import sys

LOGS = """
import structlog
from towpath.cli.logs import configure_logs

configure_logs("info", "json")
log = structlog.get_logger()
for number in range(3):
    log.info("one.said", number=number)
print("went on")
"""


def said(stderr: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LOGS], stdout=subprocess.PIPE, stderr=stderr, text=True, check=False
    )


def test_lines_go_to_standard_error_as_json():
    done = said(subprocess.PIPE)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(one["event"], one["number"]) for one in lines] == [("one.said", n) for n in range(3)]


def test_a_full_disk_behind_standard_error_does_not_end_the_program():
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        assert said(full).stdout == "went on\n"
    finally:
        os.close(full)
