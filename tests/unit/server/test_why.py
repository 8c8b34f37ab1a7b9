"""Why steps were executed: worked out from what their keys were made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.digests import digest_json

if TYPE_CHECKING:
    import httpx
    from seeded_home import SeededHome

PARTS = {"function": "1" * 64, "input:rows": "2" * 64, "param:leaves": "3" * 64}


class Told:
    """One project whose step a test runs with this and that."""

    def __init__(self, home: SeededHome, client: httpx.Client, name: str) -> None:
        self._home, self._client, self._name = home, client, name
        self._parent = self._start("pipeline", name)

    def run(self, parts: dict[str, str], **tags: str) -> str:
        """Execute the step, or take it from the cache where a run with these parts is there."""
        key = digest_json([self._name, parts])
        run_id = self._start("step", "fit", parent=self._parent, key=key, tags=tags)
        with self._home.ledger.write() as tx:
            held = tx.cache.claim(
                key, step="told.fit", parts=parts, run_id=run_id, owner="told", lease_s=60
            )
            tx.cache.fill(key, fence=held.fence, outputs={"artifacts": []})
            tx.runs.finish(run_id, "finished")
        return run_id

    def start(self) -> str:
        return self._start("step", "fit", parent=self._parent, key="4" * 64)

    def why(self, run_id: str | None = None) -> list[dict[str, str]]:
        answer = self._client.get(f"/api/v1/runs/{run_id or self._parent}/why")
        assert answer.status_code == 200
        return answer.json()

    def _start(self, kind: str, name: str, **fields: Any) -> str:
        with self._home.ledger.write() as tx:
            return tx.runs.start(kind=kind, name=name, project=self._name, **fields).id


@pytest.fixture
def told(home: SeededHome, client: httpx.Client, request: pytest.FixtureRequest) -> Told:
    return Told(home, client, request.node.name.replace("_", "-")[:60])


def test_the_first_execution_has_nothing_to_differ_from(told: Told) -> None:
    run = told.run(PARTS)
    assert told.why(run) == [{"run": run, "step": "fit", "why": "it has never run"}]


def test_what_changed_since_the_last_execution_is_named(told: Told) -> None:
    told.run(PARTS)
    second = told.run({**PARTS, "input:rows": "5" * 64})
    (reason,) = told.why(second)
    assert reason["why"].startswith("changed: ")
    assert "rows" in reason["why"]
    assert "leaves" not in reason["why"]


def test_a_pipeline_tells_each_of_its_steps_that_were_executed(told: Told) -> None:
    told.run(PARTS)
    told.run({**PARTS, "param:leaves": "6" * 64})
    told.run(PARTS | {"param:leaves": "7" * 64}, cached="true")
    told.run(PARTS | {"param:leaves": "8" * 64}, attempt="2")
    told.start()
    whys = [reason["why"] for reason in told.why()]
    assert whys[0] == "it has never run"
    assert "leaves" in whys[1]
    assert whys[2:] == ["attempt 2"]


def test_an_unknown_run_is_named(client: httpx.Client) -> None:
    assert client.get("/api/v1/runs/nobody/why").status_code == 404
