"""What a kind of monitor is: a declaration, and a watcher that judges windows by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from towpath.operate.monitoring.findings import Finding
    from towpath.operate.monitoring.view import WindowView


class Monitor(Protocol):
    """What every declaration of a monitor has; a project file holds a list of them.

    A frozen, slotted dataclass of plain values: its fields are the monitor's spec in the ledger, and
    `from_spec` reads them back.

    Attributes:
        kind: Names the watcher that judges it, and what a trigger's `on` may name.
        name: Unique among the project's monitors.
        window: Span of event time judged at once, as a duration (`1d`, `1h`).
        run_length: Quiet windows between two false alarms, on average, at least.
    """

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """Unique among the project's monitors."""
        ...

    @property
    def window(self) -> str:
        """Span of event time judged at once."""
        ...

    @property
    def run_length(self) -> int:
        """Quiet windows between two false alarms, on average, at least."""
        ...

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """Read the declaration out of an intent's spec; keys of others are left alone."""
        ...


DeclaredT_contra = TypeVar("DeclaredT_contra", bound=Monitor, contravariant=True)


class Watcher(Protocol[DeclaredT_contra]):
    """Judges windows of one kind of monitor.

    The reconciler does everything else: it finds the windows that have ended, hands each to the
    watcher of the monitor's kind, in order and once, feeds the evidence to the e-detectors, and writes
    finding, metrics, alert and watermark in one transaction. A watcher therefore keeps no state, writes
    nothing, and judges a window the same way whenever it is asked: what is random is seeded by
    `view.window.index`. One watcher serves every monitor of its kind, from any thread.

    A window gives, through `WindowView`: the rows of the decision log as a frame, with the weight that
    undoes sampling; the same as counts on the reference's bins, with the moments of how inputs go
    together; the labelled rows; the champion, its reference (the training data's distributions and the
    test's losses, per block of time) and the name of its output; and the span itself. All of it is read
    when asked for, so a watcher pays for what it looks at. One that has an attribute `counts_windows`
    which is true judges by `view.counts()` alone: the reconciler counts files for it as they are
    sealed, so that the window's end does not read the window's rows again.

    A `Finding` holds: whether there was enough to judge at all; an e-value per stream, which the
    detectors accumulate over windows (`evidence_of` makes one of a p-value); the suspects, each with
    its statistic, value and p; points for charts; one line for people; and `breach`, for declared
    limits that are broken here and now, which alarms without waiting for evidence.
    """

    @property
    def kind(self) -> str:
        """The kind of monitor that it judges."""
        ...

    @property
    def declaration(self) -> type[Monitor]:
        """The declaration whose `from_spec` reads this kind's specs."""
        ...

    @property
    def needs_reference(self) -> bool:
        """Whether it can't judge a model without one; the monitor then says that it is blind."""
        ...

    def maturity(self, monitor: DeclaredT_contra, /) -> timedelta:
        """Return how long after its end a window can be judged: what late labels are waited for."""
        ...

    def judge(self, monitor: DeclaredT_contra, view: WindowView, /) -> Finding:
        """Judge one window that has ended and matured. Too little to say: `judged=False`, no error.

        Raises:
            TowpathError: What it reads is away or broken. The window is tried again; nothing was
                recorded.
        """
        ...
