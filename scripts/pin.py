"""Rewrite `[tool.uv] constraint-dependencies` with the versions that resolve today.

A lock file would carry the address of whatever registry it was made against; names and numbers are
all that reproducibility needs. Run it to take upgrades, then run the tests.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
BLOCK = re.compile(r"(?ms)^constraint-dependencies = \[\n.*?^\]\n")
OURSELVES = re.compile(r'(?m)^  "towpath\[.*\]",\n')


def resolve(pyproject: str) -> list[str]:
    """Return `name==version` for everything that the project and its groups need."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "pyproject.toml"
        # `--all-extras` asks for what the dev group asks of ourselves, and needs no build of us.
        bare.write_text(OURSELVES.sub("", BLOCK.sub("", pyproject)))
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--no-header", "--no-annotate"]
        command += ["--all-extras", "--group", f"{bare}:dev", str(bare)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    pins = (line.strip() for line in done.stdout.splitlines())
    return sorted({pin for pin in pins if "==" in pin and not pin.startswith(("#", "-"))})


def main() -> None:
    """Replace the block in place."""
    pyproject = PYPROJECT.read_text()
    pins = resolve(pyproject)
    lines = "".join(f"  {json.dumps(pin)},\n" for pin in pins)
    block = f"constraint-dependencies = [\n{lines}]\n"
    if not BLOCK.search(pyproject):
        raise SystemExit("pyproject.toml has no constraint-dependencies block to replace")
    PYPROJECT.write_text(BLOCK.sub(lambda _: block, pyproject))
    print(f"{len(pins)} versions pinned")


if __name__ == "__main__":
    main()
