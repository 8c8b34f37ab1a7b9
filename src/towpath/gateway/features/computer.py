"""Answers a gateway that wants features computed on demand, by the project that declares them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from towpath.assets.features.online.computing import compute_columns
from towpath.core.errors import NotFound, TowpathError
from towpath.gateway.features.computing import LENGTH_BYTES, Computed

if TYPE_CHECKING:
    from towpath.operate.projects import Project


class Computation(msgspec.Struct):
    """What is asked: a feature service, and the columns that its transformations read."""

    service: str
    columns: dict[str, list[Any]]


_decode = msgspec.msgpack.Decoder(Computation).decode
_encode = msgspec.msgpack.Encoder().encode


def serve_computations(project: Project) -> None:
    """Answer on standard output what comes in on standard input, until that ends.

    What the project's code prints goes to standard error: an answer is all that may stand between us
    and the gateway.
    """
    with os.fdopen(os.dup(0), "rb") as source, os.fdopen(os.dup(1), "wb") as sink:
        os.dup2(2, 1)
        sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123 -- open as long as the process
        while (asked := _read(source)) is not None:
            message = _encode(_answer(project, asked))
            sink.write(len(message).to_bytes(LENGTH_BYTES) + message)
            sink.flush()


def _answer(project: Project, asked: bytes) -> Computed:
    computation = _decode(asked)
    try:
        service = next(
            (one for one in project.feature_services if one.name == computation.service), None
        )
        if service is None:
            known = [one.name for one in project.feature_services]
            raise NotFound.named("feature service", computation.service, known)
        return Computed(columns=compute_columns(service, computation.columns))
    except TowpathError as error:
        return Computed(error=error.message, remedy=error.remedy)


def _read(source: BinaryIO) -> bytes | None:
    """Return the next message; None at the end, also if it comes in the middle of one."""
    head = source.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    message = source.read(int.from_bytes(head))
    return message if len(message) == int.from_bytes(head) else None
