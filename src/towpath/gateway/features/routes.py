"""The paths of the feature endpoints, and what is done for each."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from towpath.assets.features.online import TableQuery
from towpath.core.errors import InvalidRequest, NotFound
from towpath.gateway.failures import HttpRefusal
from towpath.gateway.features.enriching import enrich
from towpath.gateway.features.protocol import (
    FeastPush,
    FeastRequest,
    FeastWrite,
    FeaturesRequest,
    PushRequest,
    answer,
    decode,
    feast_answer,
    feast_moment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from towpath.assets.features.online import OnlineRows
    from towpath.gateway.features.serving import Features
    from towpath.gateway.metrics import GatewayMetrics
    from towpath.gateway.protocol import InferRequest

_SELECTIONS_KEPT = 256
FEAST_PATHS = ("get-online-features", "push", "write-to-online-store")


class FeatureRoutes:
    """Answers below `/v2/features`, and at the paths of Feast's feature server."""

    def __init__(self, features: Features, metrics: GatewayMetrics) -> None:
        self._features = features
        self._metrics = metrics

    async def enrich(self, request: InferRequest, takes: Collection[str]) -> None:
        """Add the features that an inference request names to its inputs."""
        await enrich(request, self._features, takes)

    async def answer(
        self,
        method: str,
        parts: Sequence[str],
        query: bytes,
        body: Callable[[], bytes],
    ) -> Any:
        """Return the document that answers a request.

        Args:
            method: The HTTP method.
            parts: The path, cut at its slashes.
            query: The query string.
            body: Reads the body.

        Raises:
            HttpRefusal: No such path, or another method is used there.
        """
        match parts:
            case ["v2", "features"]:
                _require(method, "GET", "HEAD")
                return await self._features.names()
            case ["v2", "features", name] if name:
                _require(method, "GET", "HEAD", "POST")
                return await self._look_up(name, query, body if method == "POST" else None)
            case ["v2", "features", name, "push"]:
                _require(method, "POST")
                return await self._features.push(name, decode(body(), PushRequest).rows)
            case [path] if path in FEAST_PATHS:
                _require(method, "POST")
                return await self._feast(path, body())
            case _:
                raise HttpRefusal(
                    HTTPStatus.NOT_FOUND, "no such path; features are at /v2/features/NAME"
                )

    async def _look_up(
        self, name: str, query: bytes, body: Callable[[], bytes] | None
    ) -> dict[str, Any]:
        if body is None:
            columns = _from_query(await self._features.types(name), query)
            return answer(name, await self._counted(name, columns), None)
        asked = decode(body(), FeaturesRequest)
        return answer(name, await self._counted(name, asked.entities), asked.features)

    async def _feast(self, path: str, body: bytes) -> dict[str, Any] | None:
        if path == "get-online-features":
            return await self._feast_look_up(decode(body, FeastRequest))
        if path == "push":
            return await self._feast_push(decode(body, FeastPush))
        given = decode(body, FeastWrite)
        return await self._take(given.feature_view_name, given.df)

    async def _counted(self, name: str, columns: Mapping[str, Sequence[Any]]) -> OnlineRows:
        """Look a service or view up, and count how it went."""
        with self._metrics.looking_up(name):
            return await self._features.look_up(name, columns)

    async def _feast_look_up(self, asked: FeastRequest) -> dict[str, Any]:
        if asked.feature_service is not None:
            found = await self._counted(asked.feature_service, asked.entities)
            return feast_answer(found, full_names=asked.full_feature_names)
        queries = _queries(tuple(asked.features))
        needed = {name for one in queries for name in await self._features.types(one.view)}
        columns = {name: values for name, values in asked.entities.items() if name in needed}
        with self._metrics.looking_up(queries[0].view if len(queries) == 1 else ""):
            found = await self._features.query(queries, columns)
        return feast_answer(found, full_names=asked.full_feature_names)

    async def _feast_push(self, given: FeastPush) -> None:
        if given.to != "online":
            raise InvalidRequest(
                f"rows can't be pushed to {given.to!r} here",
                remedy="Push them online, and append them to the data set: towpath dataset add.",
            )
        await self._take(given.push_source_name, given.df)

    async def _take(self, view: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Push what a Feast client sends: the times by names of its own, moments in seconds."""
        declared = await self._features.declared(view)
        names = {"event_timestamp": declared.time, "created": declared.created or "created"}
        renamed = {
            names[name] if name in names and names[name] not in columns else name: values
            for name, values in columns.items()
        }
        moments = {one.name for one in declared.columns if one.type == "timestamp"}
        for name in moments & renamed.keys():
            renamed[name] = [feast_moment(value) for value in renamed[name]]
        await self._features.push(view, renamed)


def _require(method: str, *methods: str) -> None:
    if method not in methods:
        raise HttpRefusal(HTTPStatus.METHOD_NOT_ALLOWED, f"use {' or '.join(methods)} here")


@lru_cache(maxsize=_SELECTIONS_KEPT)
def _queries(features: tuple[str, ...]) -> tuple[TableQuery, ...]:
    """Return the look-ups that stand for `view:feature` references; a client repeats its own."""
    wanted: dict[str, list[str]] = {}
    for reference in features:
        view, colon, feature = reference.partition(":")
        if not colon or not view or not feature:
            raise InvalidRequest(f"{reference!r} is not a feature", remedy="Write view:feature.")
        wanted.setdefault(view, []).append(feature)
    if not wanted:
        raise InvalidRequest(
            "no features are asked for", remedy="Send `features` or a `feature_service`."
        )
    return tuple(TableQuery(view=view, features=tuple(names)) for view, names in wanted.items())


def _from_query(types: Mapping[str, str], query: bytes) -> dict[str, list[Any]]:
    """Return the one row that a query string writes; a column that is left out is missing."""
    given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    for name in given:
        if name not in types:
            raise NotFound.named("column", name, types)
    return {name: [_read(name, kind, given[name])] for name, kind in types.items() if name in given}


def _read(name: str, kind: str, text: str) -> Any:
    try:
        match kind:
            case "int64":
                return int(text)
            case "float64":
                return float(text)
            case "bool":
                return {"true": True, "false": False}[text]
            case _:
                return text
    except (ValueError, KeyError) as error:
        raise InvalidRequest(f"the column {name!r} holds a value that is no {kind}") from error
