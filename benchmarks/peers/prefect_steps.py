"""Chains and fan-outs of trivial tasks in Prefect, results persisted, its own server started for it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time

FOLDER = tempfile.mkdtemp()
os.environ["PREFECT_HOME"] = FOLDER
os.environ["PREFECT_LOGGING_LEVEL"] = "ERROR"
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "300"
os.environ["PREFECT_RESULTS_PERSIST_BY_DEFAULT"] = "true"

from prefect import flow, task  # noqa: E402  the settings come first


@task
def add(number: int) -> int:
    return number + 1


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@flow
def chain(steps: int) -> int:
    number = 0
    for _ in range(steps):
        number = add(number)
    return number


@flow
def fan(steps: int) -> int:
    return total([one.result() for one in add.map(list(range(steps)))])


def main() -> None:
    """Run both shapes once each, after a flow that starts the server, and print seconds."""
    steps = {"chain": int(sys.argv[1]), "fan": int(sys.argv[2])}
    began = time.perf_counter()
    chain(1)
    seconds = {"start": time.perf_counter() - began}
    for shape, run in (("chain", chain), ("fan", fan)):
        began = time.perf_counter()
        run(steps[shape])
        seconds[shape] = time.perf_counter() - began
    print(json.dumps(seconds))


main()
