"""The connection of this process to a Ray cluster: one that is there, or one of its own."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import shutil
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import structlog

from towpath.build.compute.ray.authentication import (
    VARIABLES,
    make_token,
    require_entry,
    require_lock,
    use_token,
)
from towpath.build.compute.ray.folders import make_folder
from towpath.build.compute.ray.offers import read_offers
from towpath.core.errors import Conflict, InvalidSetting, Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from towpath.build.compute.ray.offers import Offer

log = structlog.get_logger()

OWN = "local"
_OBJECT_STORE_BYTES = 256 << 20
_LOOK_EVERY_S = 1.0
_FOLDERS = "towpath-ray-"
# Ray's own servers then listen on the loopback address alone, as they do on macOS and Windows.
_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
_SET = (*VARIABLES, _LOOPBACK, *_ENVIRONMENT)
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class RayOptions:
    """Which cluster, and how to be let in.

    Attributes:
        address: `host:port` of a cluster's head, or `local`: start one on this machine, for this
            process alone, which ends with it.
        token_file: Holds the cluster's token; None: where Ray looks by itself.
        allow_unauthenticated: Use a cluster that asks for no token.
        cpus: Cores of a cluster that is started; None: all.
        object_store_bytes: Shared memory of a cluster that is started.
        source: Folder of code that workers started by this process import; sent to them by Ray.
    """

    address: str = OWN
    token_file: Path | None = None
    allow_unauthenticated: bool = False
    cpus: int | None = None
    object_store_bytes: int = _OBJECT_STORE_BYTES
    source: Path | None = None


def open_cluster(options: RayOptions) -> RayCluster:
    """Join or start a cluster. Joining takes a few seconds, starting 8 to 25.

    Raises:
        UsageError: Ray is not installed.
        InvalidSetting: The cluster asks for no token and that was not allowed, or the token is wrong, or
            its Ray or Python is of another version.
        Unavailable: It does not answer, or can't be started.
        Conflict: This process is connected to a cluster already.
    """
    return _open(lambda: _start_own(options) if options.address == OWN else _join(options))


def rejoin_cluster(address: str, source: Path | None = None) -> RayCluster:
    """Join, from a task on one of its nodes, the cluster that runs the task: as the node is let in.

    Args:
        address: `host:port` of its head.
        source: See `RayOptions`.

    Raises:
        Unavailable: It is gone.
        Conflict: This process is connected to a cluster already.
    """
    return _open(lambda: _init(address=address, **_code(source)))


def _open(connect: Callable[[], Path | None]) -> RayCluster:
    if importlib.util.find_spec("ray") is None:
        raise UsageError("Ray is not installed", remedy="Run: pip install 'towpath[ray]'")
    if not _one_at_a_time.acquire(blocking=False):
        raise Conflict(
            "this process is connected to a Ray cluster already",
            remedy="Close the first connection, or use another process.",
        )
    before = {name: os.environ.get(name) for name in _SET}
    try:
        folder = connect()
    except BaseException:
        _restore(before)
        _one_at_a_time.release()
        raise
    return RayCluster(folder, before)


class RayCluster:
    """A connection to a cluster. Close it, or use it as a context manager. Thread-safe.

    When this process dies the cluster ends what it ran for it; a cluster that was started for it dies
    with it.

    Args:
        folder: The private folder of a cluster that was started for this process.
        before: The environment variables that Ray reads, as they were; put back when it is closed, so
            that whoever uses Ray in this process afterwards presents himself as he meant to.

    Attributes:
        asks_for_token: Whether it lets in only those who have one.
    """

    def __init__(self, folder: Path | None, before: Mapping[str, str | None]) -> None:
        self._folder = folder
        self._before = before
        self.asks_for_token = os.environ.get("RAY_AUTH_MODE") == "token"
        self._closed = False
        self._offers: tuple[Offer, ...] = ()
        self._looked_at = -_LOOK_EVERY_S
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """`host:port` of the head."""
        return ray().get_runtime_context().gcs_address

    @property
    def is_own(self) -> bool:
        """Whether it was started for this process."""
        return self._folder is not None

    def offers(self) -> tuple[Offer, ...]:
        """Return what each node that is alive has; at most a second old.

        Raises:
            Unavailable: The cluster is gone.
        """
        with self._lock:
            if time.monotonic() >= self._looked_at + _LOOK_EVERY_S:
                try:
                    self._offers = read_offers(ray().nodes())
                except Exception as error:
                    raise Unavailable(
                        "the Ray cluster does not answer any more",
                        remedy="Start it, and run again.",
                    ) from error
                self._looked_at = time.monotonic()
            return self._offers

    def close(self) -> None:
        """Leave the cluster; one of our own ends. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            ray().shutdown()
        finally:
            _restore(self._before)
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
            _one_at_a_time.release()

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def ray() -> Any:
    """Return the package, imported on first use: it takes a second, and its types are not ours."""
    return importlib.import_module("ray")


def _start_own(options: RayOptions) -> Path:
    """Start a cluster of one node, on the loopback address, which nobody else can use."""
    folder = make_folder(_FOLDERS)
    make_token(folder / "token")
    use_token(folder / "token", locked=True)
    os.environ[_LOOPBACK] = "0"
    began = time.monotonic()
    try:
        _init(
            address="local",
            num_cpus=options.cpus or len(os.sched_getaffinity(0)),
            object_store_memory=options.object_store_bytes,
            include_dashboard=False,
            _temp_dir=str(folder),
            **_code(options.source),
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    log.info("ray.started", seconds=round(time.monotonic() - began, 3))
    return folder


def _join(options: RayOptions) -> None:
    locked = require_lock(options.address, allow_unauthenticated=options.allow_unauthenticated)
    use_token(options.token_file, locked=locked)
    if locked:
        require_entry(options.address)
    _init(address=options.address, **_code(options.source))
    log.info("ray.joined", address=options.address, authenticated=locked)


def _code(source: Path | None) -> dict[str, Any]:
    return {} if source is None else {"runtime_env": {"working_dir": str(source)}}


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _read_token_anew()


def _read_token_anew() -> None:
    """Let Ray see what `use_token` has set, if this process has been connected to something before.

    Ray keeps what it read first, and has no public way to say otherwise.
    """
    raylet = importlib.import_module("ray._raylet")
    with contextlib.suppress(AttributeError):  # another version of Ray; then one process, one token
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


def _init(**how: Any) -> None:
    """Connect this process, without Ray's logging and without what workers print."""
    os.environ.update(_ENVIRONMENT)
    package = ray()
    _read_token_anew()
    try:
        package.init(log_to_driver=False, configure_logging=False, **how)
        # Ray prints what nodes tell of their troubles to standard output, which is for data; there is
        # no setting for it. What concerns a task is told in its outcome.
        vars(importlib.import_module("ray._private.worker"))["_worker_logs_enabled"] = False
    except Exception as error:
        words = str(error).strip().splitlines()
        first = words[0] if words else type(error).__name__
        if "version" in first.lower():
            raise InvalidSetting(
                f"the Ray cluster is not like this machine: {' '.join(words[:4])}",
                remedy="Install the same Ray and Python on both.",
            ) from error
        raise Unavailable(
            f"the Ray cluster can't be used: {first}", remedy="See its logs, and run again."
        ) from error
