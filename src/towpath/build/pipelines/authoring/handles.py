"""What stands for results while a pipeline function is being called."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from towpath.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One result of one node.

    Attributes:
        node: The node's name.
        index: Which of its results; `driving.EVERY` stands for all of them.
    """

    node: str
    index: int


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """Stands for a result that does not exist yet. It can be passed on, unpacked and returned.

    Attributes:
        time: The column that says when each row happened, where that is known.
    """

    output: Output
    type: Any
    siblings: tuple[Handle, ...] | None = None
    time: str | None = None

    def __iter__(self) -> Iterator[Handle]:
        """Unpack a step that returns a tuple."""
        if self.siblings is None:
            self._refuse("unpacked: its step returns one thing")
        return iter(self.siblings)

    def __getitem__(self, index: int) -> Handle:
        """Return one result of a step that returns a tuple."""
        if self.siblings is None:
            self._refuse("indexed")
        return self.siblings[index]

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse to act as if the value were here."""
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse(f"asked for .{name}")

    def __bool__(self) -> bool:  # noqa: PLE0304  it never returns
        """Refuse to act as if the value were here."""
        self._refuse("tested")

    def __str__(self) -> str:
        return f"the result of {self.output.node!r}"

    def _refuse(self, what: str) -> NoReturn:
        raise InvalidProject(
            f"{self} can't be {what}: it is computed after the pipeline function has returned",
            remedy="Do it inside a step.",
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """What `candidate(…)` returns: something to return from the pipeline, and nothing else."""

    name: str


class Collector(Protocol):
    """Takes the calls that a pipeline function makes."""

    def add(self, step: Any, arguments: Mapping[str, Any]) -> Handle:
        """Note a call of a step and return what stands for its result."""
        ...


_active: ContextVar[Collector | None] = ContextVar("towpath_collector", default=None)


def current_collector() -> Collector | None:
    """Return who collects the calls of the pipeline function that is running, if one is."""
    return _active.get()


@contextmanager
def collecting(collector: Collector) -> Generator[None]:
    """Send calls of steps inside the block to `collector`."""
    token = _active.set(collector)
    try:
        yield
    finally:
        _active.reset(token)
