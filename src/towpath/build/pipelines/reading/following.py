"""Follows a run's logs, step by step as they come, from wherever one left off."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from towpath.build.pipelines.reading.logs import LogChunk, LogReader


class LogFollower:
    """What a run's steps print, each from where it was read to. Belongs to one thread at a time.

    Args:
        reader: What reads.
        run_id: A pipeline's run, or a step's.
        step: Only this step; it may not have begun yet.
        places: Where to go on from, by the steps' runs: the `places` of an earlier follower.

    Attributes:
        is_over: Whether everything was read and nothing will follow.
    """

    def __init__(
        self,
        reader: LogReader,
        run_id: str,
        *,
        step: str | None = None,
        places: Mapping[str, int] | None = None,
    ) -> None:
        self._reader = reader
        self._run_id = run_id
        self._step = step
        self._places = dict(places or {})
        self._ended: set[str] = set()
        self.is_over = False

    @property
    def places(self) -> dict[str, int]:
        """How far each step was read, by its run."""
        return dict(self._places)

    def news(self) -> list[LogChunk]:
        """Return what was printed since the last time, in the order in which the steps began.

        One look at the ledger for the run, and one for each step that has not ended.

        Raises:
            NotFound: There is no such run.
        """
        over = self._reader.is_over(self._run_id)  # before the steps: none is missed
        steps = [one for one in self._reader.steps(self._run_id) if self._step in (None, one.name)]
        chunks: list[LogChunk] = []
        for run in steps:
            if run.id in self._ended:
                continue
            chunk = self._reader.read(run.id, after=self._places.get(run.id, 0))
            self._places[run.id] = chunk.after
            if chunk.ended:
                self._ended.add(run.id)
            if chunk.text or chunk.left_out:
                chunks.append(chunk)
        self.is_over = over and all(run.id in self._ended for run in steps)
        return chunks


__all__ = ["LogFollower"]
