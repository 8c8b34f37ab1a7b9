"""One frozen tree of settings, read once: flag > environment > file > default."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from towpath.core.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "TOWPATH_"
_TRUE = frozenset({"1", "true", "yes", "on"})
_KINDS = {"int": "a whole number", "bool": "true or false"}
_FALSE = frozenset({"0", "false", "no", "off"})
_CHOICES = {
    "compute": ("local", "ray"),
    "log_level": ("debug", "info", "warning", "error"),
    "log_format": ("auto", "json", "text"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What may be set; the names are the keys in `towpath.toml` and, upper-cased, in the environment.

    Attributes:
        project: Where the project object is, `module:attribute`, seen from the settings file.
        home: Folder for everything Towpath keeps locally; relative to the settings file.
        database: Database URL; SQLite in the home when unset. `postgresql+psycopg://…` for a team.
        blobs: Blob store URL; a folder in the home when unset. `s3://bucket/prefix` for a team.
        online: Online store URL, where features are served from; files in the home when unset.
            `redis://host:port/0` for a team.
        environment: The environment that `apply`, the gateway and rollouts act on.
        host: Address the server and gateway bind; anything but loopback needs a `token`.
        server_port: Port of the control plane (API and pages); 0 takes a free one.
        gateway_port: Port of the gateway; 0 takes a free one.
        gateway_grpc_port: Port where the gateway answers gRPC too; 0 takes a free one, -1: nowhere.
        gateway_workers: Processes that answer on the gateway's port; 0: one for each core.
        gateway_connections: Connections that a worker holds open; further ones wait.
        gateway_in_flight: Requests that a worker answers at a time; further ones are refused (429).
        gateway_service_in_flight: The same for each service; 0: no bound of its own.
        gateway_deadline_ms: How long a request may wait and take that says nothing of it; 0: for ever.
        gateway_linger_s: How long a gateway that was told to stop goes on answering, while it says that
            it is not ready, for balancers to look elsewhere.
        gateway_memory_soft_mb: A worker that grows beyond this is drained and replaced; 0: none is.
        gateway_memory_hard_mb: A model that would take a worker beyond this is not loaded, and the one
            before it stays; 0: any is.
        gateway_allow_unauthenticated: Let the gateway answer without a token on other addresses than
            loopback: behind what keeps strangers out, such as SageMaker or a service mesh.
        gateway_stale_h: For how many hours a gateway that can't reach the ledger answers requests about
            subjects, of whose withdrawals it does not hear.
        token: Bearer token that API callers must send; empty for none.
        events_token: Bearer token that senders of events must carry; empty: no event is taken.
        replay: Follow a replayed clock instead of the system's, and believe the times that
            requests carry.
        files: Patterns, relative to the settings file, of files besides Python that belong to the
            project's code and travel with each version of it.
        cpus: Cores that the steps of one pipeline run may use at a time; 0 means all.
        runs: Pipeline runs that a worker carries out at a time.
        compute: Where steps run: `local`, in processes of this machine, or `ray`, on a Ray cluster.
        ray_address: `host:port` of the head of that cluster; `local` starts one on this machine for
            each run.
        ray_token_file: File, relative to the settings file, with the cluster's token; Ray's own places
            when unset (`RAY_AUTH_TOKEN`, `RAY_AUTH_TOKEN_PATH`, `~/.ray/auth_token`).
        ray_allow_unauthenticated: Use a cluster that asks nobody for a token, on a network that keeps
            strangers out.
        anchors: Where signed statements about the log are kept besides the home, so that its owner can't
            rewrite it unnoticed: `file:PATH`, `git:FOLDER` (a branch of its own; `?push=REMOTE` pushes
            it) or `https://…`.
        anchor_every: Least time between two statements in one of these places, such as `1h`.
        anchor_secret: Signs the statements that go to web addresses; a `${NAME}` of the worker's
            environment.
        anchor_private: Allow such an address in the private network.
        erasure_quiet_s: An erasure begins, with all withdrawals that came meanwhile, when none has come
            for so long; after ten minutes in any case.
        erasure_days: Within how many days a withdrawal must be fulfilled.
        withdrawals_per_minute: How many withdrawals one caller may bring within a minute, and at once;
            further ones are refused with the moment at which to come again. 0 is no limit.
        erasure_rides_h: How long an erasure waits, with rows and copies gone, for a retraining that
            comes anyway, before it asks for one of its own; never so long that the deadline is at risk.
        erasure_membership_s: How many seconds an erasure may spend on testing that the replacements don't
            recognise the erased rows; with 0 it makes no such test.
        otel_endpoint: Base URL of an OTLP/HTTP receiver that traces are sent to, such as
            `http://localhost:4318`; none are made when empty. OpenTelemetry's own environment variables
            (`OTEL_EXPORTER_OTLP_ENDPOINT` and the like) go before.
        log_level: `debug`, `info`, `warning` or `error`.
        log_format: `auto` (readable on a terminal, else JSON), `json` or `text`.
    """

    project: str | None = None
    home: str = ".towpath"
    database: str | None = None
    blobs: str | None = None
    online: str | None = None
    environment: str = "production"
    host: str = "127.0.0.1"
    server_port: int = 8500
    gateway_port: int = 8510
    gateway_grpc_port: int = -1
    gateway_workers: int = 1
    gateway_connections: int = 8192
    gateway_in_flight: int = 1024
    gateway_service_in_flight: int = 0
    gateway_deadline_ms: int = 0
    gateway_linger_s: int = 0
    gateway_memory_soft_mb: int = 0
    gateway_memory_hard_mb: int = 0
    gateway_allow_unauthenticated: bool = False
    gateway_stale_h: int = 24
    token: str = ""
    events_token: str = ""
    replay: bool = False
    files: tuple[str, ...] = ()
    cpus: int = 0
    runs: int = 1
    compute: str = "local"
    ray_address: str = "local"
    ray_token_file: str | None = None
    ray_allow_unauthenticated: bool = False
    anchors: tuple[str, ...] = ()
    anchor_every: str = "1h"
    anchor_secret: str = ""
    anchor_private: bool = False
    erasure_quiet_s: int = 2
    erasure_days: int = 30
    withdrawals_per_minute: int = 12_000
    erasure_rides_h: int = 0
    erasure_membership_s: int = 20
    otel_endpoint: str = ""
    log_level: str = "warning"
    log_format: str = "auto"


def resolve_settings(
    *,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    file: Mapping[str, object] | None = None,
    file_name: str = "towpath.toml",
) -> Settings:
    """Merge the three sources over the defaults.

    Args:
        flags: Command-line values; those that are None were not given.
        environ: The process environment; only `TOWPATH_…` names are looked at.
        file: The parsed settings file.
        file_name: What to call the file in errors.

    Raises:
        InvalidSetting: A key is unknown (the nearest known one is suggested), or a value has the
            wrong type.
    """
    values: dict[str, Any] = {}
    for key, value in (file or {}).items():
        values[key] = _checked(key, value, file_name)
    for name, text in (environ or {}).items():
        if name.startswith(_PREFIX):
            key = name.removeprefix(_PREFIX).lower()
            values[key] = _checked(key, text, f"the environment ({name})")
    for key, value in (flags or {}).items():
        if value is not None:
            values[key] = _checked(key, value, "the command line")
    settings = Settings(**values)
    for key, known in _CHOICES.items():
        if getattr(settings, key) not in known:
            raise InvalidSetting(
                f"{key} is {getattr(settings, key)!r}",
                remedy=f"Use one of {', '.join(known)}.",
                key=key,
            )
    return settings


def _checked(key: str, value: object, source: str) -> object:
    """Return the value in the field's type."""
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    if key not in fields:
        near = difflib.get_close_matches(key, fields, n=1)
        raise InvalidSetting(
            f"{source} sets {key!r}, which is not a setting",
            remedy=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(fields))}.",
            key=key,
        )
    wanted = str(fields[key].type)
    kind = _KINDS.get(wanted, "text")
    problem = InvalidSetting(f"{source} sets {key!r} to {value!r}, which is not {kind}", key=key)
    match wanted:
        case "int":
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise problem
            try:
                return int(value)
            except ValueError as error:
                raise problem from error
        case "bool":
            text = str(value).lower()
            if text not in _TRUE | _FALSE:
                raise problem
            return text in _TRUE
        case "tuple[str, ...]":
            parts = value.split(",") if isinstance(value, str) else value
            if not isinstance(parts, list | tuple) or not all(
                isinstance(one, str) for one in parts
            ):
                raise problem
            return tuple(one.strip() for one in parts if one.strip())
        case _:
            if not isinstance(value, str):
                raise problem
            return value
