"""Chains and fan-outs of trivial steps in Metaflow's local runner, one process per task as it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FAN = """
from metaflow import FlowSpec, step

class Fan(FlowSpec):
    @step
    def start(self):
        self.numbers = list(range({steps}))
        self.next(self.leaf, foreach="numbers")

    @step
    def leaf(self):
        self.number = self.input + 1
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(one.number for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Fan()
"""


def chain(steps: int) -> str:
    """Return a flow of so many steps, `start` and `end` among them."""
    names = ["start", *(f"step_{place}" for place in range(steps - 2)), "end"]
    lines = ["from metaflow import FlowSpec, step", "", "class Chain(FlowSpec):"]
    for name, after in zip(names, [*names[1:], None], strict=True):
        lines += ["    @step", f"    def {name}(self):", "        self.number = 1"]
        if after is not None:
            lines.append(f"        self.next(self.{after})")
    return "\n".join([*lines, "", 'if __name__ == "__main__":', "    Chain()", ""])


def main() -> None:
    """Run both shapes once each and print seconds."""
    steps = {"chain": int(sys.argv[1]), "fan": int(sys.argv[2])}
    seconds = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = {"chain": chain(steps["chain"]), "fan": FAN.format(steps=steps["fan"])}
        environ = {
            **os.environ,
            "METAFLOW_USER": "bench",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
            "METAFLOW_HOME": str(folder),
        }
        for shape, text in texts.items():
            (folder / f"{shape}.py").write_text(text, encoding="utf-8")
            workers = str(os.cpu_count() or 2)
            command = [sys.executable, f"{shape}.py", "--no-pylint", "--quiet", "run"]
            command += ["--max-workers", workers]
            began = time.perf_counter()
            subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True)
            seconds[shape] = time.perf_counter() - began
    print(json.dumps(seconds))


main()
