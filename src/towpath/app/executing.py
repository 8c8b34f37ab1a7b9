"""Where the steps of a home run: in processes of this machine, or on a Ray cluster."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from towpath.build.compute import LocalExecutor

if TYPE_CHECKING:
    from collections.abc import Generator

    from towpath.app.place import Place
    from towpath.build.compute import Executor
    from towpath.build.compute.ray import RayOptions


@contextmanager
def open_executor(place: Place) -> Generator[Executor]:
    """Give the executor that the settings name, which ends with the block.

    Raises:
        UsageError: The cluster lacks authentication, or does not accept us.
        Unavailable: It does not answer.
    """
    if place.settings.compute == "local":
        with LocalExecutor(cpus=place.settings.cpus or None, fork=True) as local:
            yield local
        return
    from towpath.build.compute.ray import RayExecutor, open_cluster  # noqa: PLC0415  see its docstring

    with RayExecutor(open_cluster(ray_options(place))) as executor:
        yield executor


def ray_options(place: Place) -> RayOptions:
    """Return which cluster the settings mean."""
    from towpath.build.compute.ray import RayOptions  # noqa: PLC0415  likewise

    settings = place.settings
    token = None if settings.ray_token_file is None else place.root / settings.ray_token_file
    return RayOptions(
        address=settings.ray_address,
        token_file=token,
        allow_unauthenticated=settings.ray_allow_unauthenticated,
        cpus=settings.cpus or None,
    )
