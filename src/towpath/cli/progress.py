"""A pipeline run as it happens: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from towpath.cli.printing import err

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from towpath.build.pipelines import Progress as Step

_TOLD = frozenset({"hit", "done", "failed", "killed", "waiting", "considered"})
_MARKS = {
    "hit": "[cyan]cached[/cyan]",
    "done": "[green]done[/green]",
    "failed": "[red]failed[/red]",
    "killed": "[yellow]killed[/yellow]",
    "waiting": "[yellow]waiting[/yellow]",
    "considered": "[green]judged[/green]",
}


@contextmanager
def show_progress(*, quiet: bool) -> Generator[Callable[[Step], None]]:
    """Give a callback that draws a run's progress on standard error until the block ends."""
    if quiet:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("planning", total=None)

        def show(step: Step) -> None:
            bar.update(task, total=step.total or None, completed=step.done)
            if step.kind in ("started", "considering"):
                bar.update(task, description=step.step)
            if step.kind in _TOLD:
                bar.console.print(_line(step))

        yield show


def _line(step: Step) -> str:
    took = f" {step.seconds:.2f} s" if step.seconds is not None else ""
    detail = f" [dim]{step.detail}[/dim]" if step.detail else ""
    return f"  {_MARKS[step.kind]} {step.step}{took}{detail}"
