"""What a run tells whoever watches, and how each of its steps went in the end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from towpath.build.pipelines.authoring.graphs import BranchNode, DriverNode
from towpath.build.pipelines.contract import Progress, StepReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.build.pipelines.authoring.graphs import Graph
    from towpath.build.pipelines.contract import ProgressKind, StepStatus
    from towpath.build.pipelines.planning.calls import Call
    from towpath.build.pipelines.running.stages import Stages
    from towpath.build.pipelines.running.turns import Closed


class Narrator:
    """Tells what happened, once it is recorded, and keeps the reports. Not thread-safe.

    Args:
        graph: What the run was planned to do.
        run_id: The pipeline's run.
        listener: Whom to tell; None: nobody, so nothing is put into words.

    Attributes:
        total: How many steps there are, those that drivers asked for included.
    """

    def __init__(
        self, graph: Graph, run_id: str, listener: Callable[[Progress], None] | None
    ) -> None:
        self._graph = graph
        self._run_id = run_id
        self._listener = listener
        self._unsaid: list[Progress] = []
        self._reports: dict[str, StepReport] = {}
        self._began: dict[str, float] = {}
        self._done = 0
        self.total = sum(not isinstance(node, BranchNode) for node in graph.nodes)

    def say(self, kind: ProgressKind, step: str, *, detail: str = "", now: bool = False) -> None:
        """Tell one thing that happened, at the next `flush` unless it needs no recording."""
        self._add(kind, step, detail=detail)
        if now or kind == "planned":
            self.flush()

    def end(self, call: Call, status: StepStatus, *, why: str = "", log: str | None = None) -> None:
        """Tell how a call ended, and keep its report."""
        seconds = 0.0 if status == "hit" or not call.began else time.monotonic() - call.began
        self._keep(
            StepReport(
                name=call.name,
                status=status,
                run_id=call.run_id or None,
                seconds=seconds,
                why=why,
                log=log,
            )
        )

    def skip(self, name: str, why: str) -> None:
        """Keep the report of a step that is never going to run."""
        self._reports[name] = StepReport(name=name, status="skipped", why=why)

    def began(self, node: str) -> None:
        """Tell that a driver node was opened."""
        self._began[node] = time.monotonic()
        self._add("started", node)

    def close(self, node: str, closed: Closed) -> None:
        """Tell how a driver node ended, and keep its report."""
        status: StepStatus = "done" if closed.status == "finished" else closed.status
        seconds = time.monotonic() - self._began[node]
        self._keep(
            StepReport(
                name=node,
                status=status,
                run_id=closed.run_id,
                seconds=seconds,
                why=closed.error or "",
            )
        )

    def flush(self) -> None:
        """Tell what has been recorded since."""
        unsaid, self._unsaid = self._unsaid, []
        if self._listener is not None:
            for progress in unsaid:
                self._listener(progress)

    def reports(self, stages: Stages) -> tuple[StepReport, ...]:
        """Return a report of every step, in the order of the graph, a driver's calls behind it."""
        names: list[str] = []
        for node in self._graph.nodes:
            if isinstance(node, BranchNode):
                continue
            names.append(node.name)
            if isinstance(node, DriverNode):
                names += stages.calls_of(node.name)
        return tuple(
            self._reports.get(name) or StepReport(name=name, status="skipped") for name in names
        )

    def _keep(self, report: StepReport) -> None:
        self._reports[report.name] = report
        self._done += report.status in ("done", "hit")
        kind: ProgressKind = "failed" if report.status == "skipped" else report.status
        seconds = None if report.status == "hit" else report.seconds
        detail = report.why if kind in ("failed", "killed") else ""
        self._add(kind, report.name, seconds=seconds, detail=detail)

    def _add(
        self, kind: ProgressKind, step: str, *, seconds: float | None = None, detail: str = ""
    ) -> None:
        if self._listener is None:
            return
        self._unsaid.append(
            Progress(
                kind=kind,
                run_id=self._run_id,
                step=step,
                done=self._done,
                total=self.total,
                seconds=seconds,
                detail=detail,
            )
        )
