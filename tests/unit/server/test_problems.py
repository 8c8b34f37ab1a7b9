"""Every error has one HTTP meaning, and a bug says nothing about itself."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from served import served

from towpath.core import errors
from towpath.core.errors import TowpathError
from towpath.server.problems import problem, status_of

if TYPE_CHECKING:
    from seeded_home import SeededHome

KNOWN = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, TowpathError) and kind is not TowpathError
]
OURS_TO_FIX = {"step-failed", "integrity", "corrupt-blob"}


@pytest.mark.parametrize("kind", KNOWN, ids=lambda kind: kind.code)
def test_every_error_says_whose_turn_it_is(kind: type[TowpathError]):
    status = status_of(kind("it went wrong"))
    expected = 500 if kind.code in OURS_TO_FIX else None
    if expected:
        assert status == expected
    elif kind is errors.DeadlineExceeded:
        assert status == 504
    elif kind is errors.RateLimited:
        assert status == 429
    elif issubclass(kind, errors.InfrastructureError):
        assert status in (503, 507)
    else:
        assert 400 <= status < 500


def test_a_problem_carries_what_the_error_knows():
    response = problem(
        404, "there is no model 'x'", code="not-found", remedy="Known: y.", fields={"status": 1}
    )
    told = json.loads(response.content)
    assert told["type"] == "/problems/not-found"
    assert told["title"] == "Not Found"
    assert told["status"] == 404  # a field of that name can't shadow it
    assert told["fields"] == {"status": 1}


def test_what_may_pass_asks_for_patience():
    assert problem(503, "the database is away", code="unavailable").headers["retry-after"]


class Broken:
    """A ledger that raises what it is told to."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self) -> object:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.Unavailable("the database does not answer"), 503, "unavailable"),
        (errors.CorruptBlob("blob abc is not what it was"), 500, "corrupt-blob"),
        (RuntimeError("secret: N14228"), 500, "bug"),
    ],
)
def test_a_failing_part_is_told_as_it_is_and_a_bug_in_silence(
    error: Exception, status: int, code: str, home: SeededHome
):
    services = replace(home.services, ledger=Broken(error))
    with served(services) as url:
        response = httpx.get(f"{url}/api/v1/projects")
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert "N14228" not in response.text
