"""A look into artefacts over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx
    from seeded_home import SeededHome


def test_a_table_is_shown_without_its_personal_columns(client: httpx.Client, artifact: str):
    shown = client.get(f"/api/v1/artifacts/{artifact}").json()
    assert (shown["kind"], shown["rows"], shown["cut"]) == ("table", 2, False)
    assert {one["name"]: one["hidden"] for one in shown["columns"]} == {
        "tailnum": "declared",
        "delay": None,
        "hour": None,
    }
    assert shown["head"] == [{"delay": 3.0, "hour": 7}, {"delay": None, "hour": 9}]


def test_what_is_not_there_is_a_problem(client: httpx.Client, home: SeededHome):
    for name in ("f" * 64, f"{home.runs[-1]}.nothing", "..%2F..%2Fetc"):
        answer = client.get(f"/api/v1/artifacts/{name}")
        assert answer.status_code == 404
        assert "code" in answer.json()
