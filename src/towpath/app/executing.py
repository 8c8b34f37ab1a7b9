"""Where the steps of a home run: in processes of this machine, or on a Ray cluster."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from towpath.build.compute import LocalExecutor
from towpath.build.compute.ray import OWN, RayExecutor, RayOptions, open_cluster

if TYPE_CHECKING:
    from collections.abc import Generator

    from towpath.app.place import Place
    from towpath.build.compute import Executor


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
    with RayExecutor(open_cluster(ray_options(place))) as executor:
        yield executor


def ray_options(place: Place) -> RayOptions:
    """Return which cluster the settings mean."""
    settings = place.settings
    token = None if settings.ray_token_file is None else place.root / settings.ray_token_file
    return RayOptions(
        address=settings.ray_address,
        token_file=token,
        allow_unauthenticated=settings.ray_allow_unauthenticated,
        cpus=settings.cpus or None,
    )


def describe_ray(place: Place) -> str:
    """Join the cluster that the settings mean, and return in a line what it has; see `open_executor`.

    One that is started for each run is not started only to be looked at.
    """
    options = ray_options(place)
    if options.address == OWN:
        return f"ray {version('ray')}: a cluster of this machine is started for each run"
    with open_cluster(options) as cluster:
        offers = cluster.offers()
        door = "asks for a token" if cluster.asks_for_token else "lets everybody in"
    cpus, gpus = sum(one.cpus for one in offers), sum(one.gpus for one in offers)
    return f"ray at {options.address}, {door}: {len(offers)} nodes, {cpus:g} cpus, {gpus:g} gpus"
