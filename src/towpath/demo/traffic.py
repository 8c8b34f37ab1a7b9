"""The delay board: asks the gateway about flights before they leave, and reports how they landed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx
import msgspec
import polars as pl

from towpath.core.errors import InvalidRequest, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path
    from types import ModuleType

    from towpath.demo.feed import Feed

_TIMEOUT_S = 30.0
_DATATYPES: dict[pl.DataType, str] = {
    pl.String(): "BYTES",
    pl.Int64(): "INT64",
}


class DelayBoard:
    """A client of the gateway. It keeps nothing: what was decided is in the decision log.

    With a `journal`, though, it writes down each answer that reached it, one `[flight, decision id]`
    per line: what an audit of the log compares with.

    Every three hours it asks about the flights of the next three, in one request with one row per
    flight. It sends what the timetable says; the weather and the aeroplane are for the gateway to look
    up, by `origin` and `tailnum`, in the online rows of the feature service that the model learnt from.
    What the airports have observed by then is pushed first: it comes with the week's files only later.
    """

    def __init__(
        self,
        url: str,
        service: str,
        project: ModuleType,
        feed: Feed,
        *,
        journal: Path | None = None,
    ) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S)
        self._service = service
        self._journal = journal
        self._inputs: list[str] = project.FLIGHT
        self._features: str = project.board.name
        self._weather: str = project.weather.name
        self._feed = feed
        self._rows: pl.DataFrame = feed.flights.with_columns(
            late=(pl.col("arr_delay") > project.LATE_MINUTES).cast(pl.Float64)
        )
        self._withdrawn: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    def posted(self, since: datetime, until: datetime, *, share: int) -> pl.DataFrame:
        """Return the rows of one flight in `share` that is posted in [since, until)."""
        return self._rows.filter(
            pl.col("posted").is_between(since, until, closed="left")
            & (pl.col("flight_id").hash(seed=7) % share == 0)
            & ~pl.col("tailnum").is_in(list(self._withdrawn))
        )

    def landed(self, flights: Sequence[str]) -> pl.DataFrame:
        """Return `flight_id`, `landed` and `late` of these flights."""
        return self._rows.filter(pl.col("flight_id").is_in(list(flights))).select(
            "flight_id", "landed", "late"
        )

    def forget(self, tailnum: str) -> None:
        """Stop asking about an aeroplane: its owner has withdrawn."""
        self._withdrawn.add(tailnum)

    async def ask(self, rows: pl.DataFrame) -> dict[str, str]:
        """Ask about flights, a filling of the board at a time; return flight to decision id."""
        answers: dict[str, str] = {}
        for board in rows.sort("posted", "scheduled").partition_by("posted", maintain_order=True):
            await self._observe(self._feed.newest(board["posted"][0]))
            answers.update(await self._infer(board))
        return answers

    async def report(self, landings: pl.DataFrame, decisions: dict[str, str]) -> int:
        """Send the outcomes of flights that were decided on; return how many."""
        labels = [
            {"decision_id": decisions[flight], "value": late, "time": landed.isoformat()}
            for flight, landed, late in landings.iter_rows()
        ]
        if labels:
            await self._post("/v2/labels", {"labels": labels})
        return len(labels)

    async def _observe(self, observations: pl.DataFrame) -> None:
        """Push what the airports observed last."""
        if not observations.is_empty():
            rows = observations.with_columns(pl.col("observed").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
            path = f"/v2/features/{self._weather}/push"
            await self._post(path, {"rows": rows.to_dict(as_series=False)})

    async def _infer(self, board: pl.DataFrame) -> dict[str, str]:
        flights = board["flight_id"].to_list()
        times = [when.isoformat() for when in board["posted"].to_list()]
        entities = {name: board[name].to_list() for name in ("origin", "tailnum")}
        body = {
            "id": f"board-{times[0]}",
            "parameters": {
                "keys": flights,
                "subjects": entities["tailnum"],
                "times": times,
                "features": self._features,
                "entities": entities,
            },
            "inputs": [self._tensor(board[name]) for name in self._inputs],
        }
        response = await self._post(f"/v2/models/{self._service}/infer", body)
        told: dict[str, Any] = response.json()["parameters"]
        ids = told.get("decision_ids") or [told["decision_id"]]
        answers = dict(zip(flights, ids, strict=True))
        if self._journal is not None:
            _note(self._journal, answers)
        return answers

    def _tensor(self, column: pl.Series) -> dict[str, Any]:
        return {
            "name": column.name,
            "datatype": _DATATYPES[column.dtype],
            "shape": [len(column)],
            "data": column.to_list(),
        }

    async def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        try:
            response = await self._client.post(path, json=body)
        except httpx.TransportError as error:
            raise Unavailable(
                f"the gateway does not answer ({type(error).__name__})",
                remedy="Run the same command again: it carries on where this stopped.",
            ) from error
        if response.is_error:
            raise InvalidRequest(
                f"the gateway refuses {path} ({response.status_code}): {response.text[:500]}"
            )
        return response


def _note(journal: Path, answers: dict[str, str]) -> None:
    lines = [msgspec.json.encode(answer) + b"\n" for answer in answers.items()]
    with journal.open("ab") as file:  # unbuffered where it matters: closing hands it to the kernel
        file.write(b"".join(lines))
