"""`towpath logs`: what a run's steps printed, or are printing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from towpath.build.pipelines.reading.following import LogFollower
from towpath.build.pipelines.reading.logs import LogReader, find_run
from towpath.cli.options import Common
from towpath.cli.printing import err, print_json

if TYPE_CHECKING:
    from towpath.build.pipelines.reading.logs import LogChunk

_LOOK_EVERY_S = 0.5


def logs(
    run: str,
    step: str | None = None,
    /,
    *,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative="")] = False,
    common: Common = Common(),
) -> int:
    """Print what the steps of a run printed, on whichever machine they ran.

    Args:
        run: A run's id, the beginning of one, or the name of what asked for it (`towpath runs`).
        step: Only this step.
        follow: Go on while the run does, until it ends.
    """
    with common.open() as home:
        reader = LogReader(home.ledger, home.blobs)
        run_id = find_run(home.ledger, run)
        if step is not None and not follow:
            reader.steps(run_id, step)  # names the steps that there are
        follower = LogFollower(reader, run_id, step=step)
        lines = _Lines(names=step is None, as_json=common.json)
        while True:
            for chunk in follower.news():
                lines.show(chunk)
            if not follow or follower.is_over:
                break
            time.sleep(_LOOK_EVERY_S)
        lines.finish()
    if not lines.shown and not common.json:
        err.print("nothing was printed" if follower.is_over else "nothing was printed yet")
    return 0


class _Lines:
    """Writes chunks to standard output, a step's name before each of its lines where there are several.

    A line that is not whole yet waits for its rest, so that steps that run side by side don't mix.
    """

    def __init__(self, *, names: bool, as_json: bool) -> None:
        self._names = names
        self._as_json = as_json
        self._held: dict[str, tuple[str, str]] = {}
        self.shown = False

    def show(self, chunk: LogChunk) -> None:
        """Write what is whole of a chunk."""
        self.shown = True
        if self._as_json:
            print_json({"step": chunk.step, "run": chunk.run_id, "text": chunk.text})
            return
        if chunk.left_out:
            err.print(f"{chunk.step}: {chunk.left_out:,} bytes are kept no more", highlight=False)
        _, held = self._held.get(chunk.run_id, (chunk.step, ""))
        *whole, rest = (held + chunk.text).split("\n")
        for line in whole:
            self._write(chunk.step, line)
        self._held[chunk.run_id] = (chunk.step, rest)
        sys.stdout.flush()

    def finish(self) -> None:
        """Write what is left, whole or not."""
        for step, rest in self._held.values():
            if rest:
                self._write(step, rest)
        sys.stdout.flush()

    def _write(self, step: str, line: str) -> None:
        sys.stdout.write(f"{step}: {line}\n" if self._names else f"{line}\n")
