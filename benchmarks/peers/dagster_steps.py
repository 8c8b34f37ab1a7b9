"""Chains and fan-outs of trivial ops in Dagster's in-process executor, its records kept in SQLite."""

from __future__ import annotations

import json
import sys
import tempfile
import time

from dagster import DagsterInstance, job, op


@op
def first() -> int:
    return 1


@op
def add(number: int) -> int:
    return number + 1


@op
def total(numbers: list[int]) -> int:
    return sum(numbers)


def chain(steps: int):
    @job
    def made():
        number = first()
        for place in range(steps - 1):
            number = add.alias(f"add_{place}")(number)

    return made


def fan(steps: int):
    @job
    def made():
        total([first.alias(f"leaf_{place}")() for place in range(steps)])

    return made


def main() -> None:
    """Run both shapes once each, after a warm-up, and print seconds."""
    steps = {"chain": int(sys.argv[1]), "fan": int(sys.argv[2])}
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        instance = DagsterInstance.local_temp(folder)
        chain(2).execute_in_process(instance=instance)
        for shape, make in (("chain", chain), ("fan", fan)):
            made = make(steps[shape])
            began = time.perf_counter()
            assert made.execute_in_process(instance=instance).success
            seconds[shape] = time.perf_counter() - began
    print(json.dumps(seconds))


main()
