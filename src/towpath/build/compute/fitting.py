"""Whether a task could ever run where it is submitted: one that could not is refused at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from towpath.core.errors import InvalidSetting

if TYPE_CHECKING:
    from towpath.build.compute.contract import Resources


def refuse_oversized(asked: Resources, *, cpus: float, gpus: float = 0) -> None:
    """Refuse what this machine could not give even when nothing else runs on it.

    Raises:
        InvalidSetting: With what is asked for and what there is.
    """
    if asked.cpus > cpus:
        raise InvalidSetting(
            f"a step asks for {asked.cpus:g} cpus and this machine gives {cpus:g}",
            remedy="Declare fewer cpus, or run it on a larger machine.",
            asked=asked.cpus,
            available=cpus,
        )
    if asked.gpus > gpus:
        kind = f" of kind {asked.gpu_kind}" if asked.gpu_kind else ""
        raise InvalidSetting(
            f"a step asks for {asked.gpus:g} gpus{kind} and this machine gives {gpus:g}",
            remedy='Declare none, or run the project where there are some, with compute = "ray".',
            asked=asked.gpus,
            available=gpus,
        )
