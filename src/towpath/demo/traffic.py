"""The delay board: asks the gateway about flights before they leave, and reports how they landed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx
import msgspec
import polars as pl

from towpath.client import AsyncClient
from towpath.core.errors import InvalidRequest, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path
    from types import ModuleType

    from towpath.client import Release
    from towpath.demo.feed import Feed

_TIMEOUT_S = 30.0


class DelayBoard:
    """The program at the airports. It keeps nothing: what was decided is in the decision log.

    It states its version with each question, and holds the release that answers to its contract.

    Attributes:
        says: How it states its version.

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
        self.says = str(project.screens.service_version)
        self._client = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S)
        self._program = AsyncClient(
            url,
            service_version=self.says,
            contracts=project.screens.contracts,
            timeout_s=_TIMEOUT_S,
        )
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
        await self._program.aclose()
        await self._client.aclose()

    async def release(self) -> Release:
        """Return the release that the program is in, held to what it needs."""
        return await self._program.require()

    async def explain(self, decision_id: str) -> dict[str, float]:
        """Return what each column added to a recorded answer, most first."""
        asked = {"parameters": {"decision_id": decision_id}}
        response = await self._post(f"/v2/models/{self._service}/explain", asked)
        told: dict[str, Any] = response.json()
        (added,) = (one["data"] for one in told["outputs"] if one["name"] == "contributions")
        parts = zip(told["parameters"]["columns"], added, strict=True)
        return dict(sorted(parts, key=lambda part: -abs(part[1])))

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
        given = await self._program.predict_many(
            self._service,
            board.select(self._inputs).to_dicts(),
            keys=flights,
            subjects=entities["tailnum"],
            times=times,
            features=self._features,
            entities=entities,
        )
        answers = {flight: str(one.decision_id) for flight, one in zip(flights, given, strict=True)}
        if self._journal is not None:
            _note(self._journal, answers)
        return answers

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
