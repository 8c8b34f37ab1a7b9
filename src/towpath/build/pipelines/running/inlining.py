"""Steps that run in the runner's own process: nothing is forked, and several are recorded at once."""

from __future__ import annotations

import contextlib
import io
import time
from typing import TYPE_CHECKING, Any, Self

import msgspec

from towpath.build.compute import Outcome
from towpath.build.compute.calling import describe
from towpath.build.pipelines.working.held import HeldBlobs
from towpath.build.pipelines.working.worker import StepOrder, code_paths, perform, project_imports

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import ModuleType

    from towpath.build.pipelines.planning.calls import Call
    from towpath.storage.blobs import BlobStore

_LOG_CHARS = 512 << 10


class InlineRoom:
    """Where inline steps run: the project's code as it was recorded, importable while one is inside.

    Entering costs about a millisecond, a step some hundred microseconds more than its own work.
    Not thread-safe: what this process prints meanwhile goes to the step's log.

    Args:
        source: Folder with the project's code.
        blobs: Where results are kept.
        run: The run that the steps are part of.
    """

    def __init__(self, source: Path, blobs: BlobStore, *, run: str) -> None:
        self._run = run
        self._source = source
        self._paths = [str(path) for path in code_paths(source)]
        self._modules: dict[str, ModuleType] = {}
        self._imports: AbstractContextManager[None] | None = None
        self.blobs = HeldBlobs(blobs)

    def __enter__(self) -> Self:
        """Make the project importable; what it imported the last time is still loaded."""
        self._imports = project_imports(self._paths, kept=self._modules)
        self._imports.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the process as it was."""
        assert self._imports is not None
        self._imports.__exit__(None, None, None)

    def run(self, call: Call) -> tuple[Outcome, str]:
        """Run a call's step; return how it went and what it printed."""
        order = StepOrder(
            step=f"{call.step.module}:{call.step.name}",
            source=str(self._source),
            inputs=call.inputs,
            constants=dict(call.constants),
            seed=call.step.options.seed,
            key=call.known_key.digest,
            run=self._run,
            blobs="",
            cache_dir=None,
        )
        printed = io.StringIO()
        began = time.monotonic()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            fields = self._perform(order, call)
        fields["seconds"] = time.monotonic() - began
        return msgspec.convert(fields, Outcome), printed.getvalue()[:_LOG_CHARS]

    def _perform(self, order: StepOrder, call: Call) -> dict[str, Any]:
        def hear(message: dict[str, Any]) -> None:
            if "metrics" in message:
                call.metrics += message["metrics"]
            elif "param" in message:
                key, value = message["param"]
                call.params[key] = value

        try:
            value = perform(order, self.blobs, hear)
        except (Exception, SystemExit) as error:  # noqa: BLE001  told in the outcome, whatever it is
            return {"status": "failed", **describe(error)}
        return {"status": "done", "value": value}
