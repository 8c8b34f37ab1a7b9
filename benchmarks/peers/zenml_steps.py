"""Chains and fan-outs of trivial steps in ZenML's default local stack, caching off."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time

FOLDER = tempfile.mkdtemp()
os.chdir(FOLDER)
os.environ["ZENML_CONFIG_PATH"] = FOLDER
os.environ["ZENML_ANALYTICS_OPT_IN"] = "false"
os.environ["ZENML_LOGGING_VERBOSITY"] = "ERROR"
os.environ["AUTO_OPEN_DASHBOARD"] = "false"

from zenml import pipeline, step  # noqa: E402  the settings come first


@step(enable_cache=False)
def first() -> int:
    return 1


@step(enable_cache=False)
def add(number: int) -> int:
    return number + 1


@step(enable_cache=False)
def total(numbers: list[int]) -> int:
    return sum(numbers)


def main() -> None:
    """Run both shapes once each, after a warm-up, and print seconds."""
    steps = {"chain": int(sys.argv[1]), "fan": int(sys.argv[2])}

    @pipeline(enable_cache=False)
    def chain(count: int) -> None:
        number = first()
        for _ in range(count - 1):
            number = add(number)

    @pipeline(enable_cache=False)
    def fan(count: int) -> None:
        for _ in range(count):
            first()

    seconds = {}
    chain(1)
    for shape, run in (("chain", chain), ("fan", fan)):
        began = time.perf_counter()
        run(steps[shape])
        seconds[shape] = time.perf_counter() - began
    print(json.dumps(seconds))


main()
