"""The server's metrics: what a parser of Prometheus' own reads, and what the ledger says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from towpath.core.clock import ManualClock, parse_time
from towpath.server.views.exposition import exposition

if TYPE_CHECKING:
    import httpx

PATH = "/api/v1/metrics"


def parsed(text: str) -> dict[str, Any]:
    """Return the families by name, read as Prometheus reads them."""
    parser = pytest.importorskip("prometheus_client.parser")
    return {one.name: one for one in parser.text_string_to_metric_families(text)}


def test_prometheus_reads_budgets_rollouts_monitors_and_queues(client: httpx.Client) -> None:
    answer = client.get(PATH)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = parsed(answer.text)
    for name in (
        "towpath_controller_rows_due",
        "towpath_controller_lag_seconds",
        "towpath_rollouts",
        "towpath_monitor_alerts",
        "towpath_budget_spent",
        "towpath_event_log_entries",
    ):
        assert found[name].samples, name
        assert found[name].documentation
        assert found[name].type == "gauge"
    names = [
        (one.name, tuple(sorted(one.labels.items()))) for f in found.values() for one in f.samples
    ]
    assert len(names) == len(set(names))


def test_lag_is_that_of_the_oldest_row_that_nobody_takes(sqlite_ledger: Any) -> None:
    with sqlite_ledger.write() as tx:
        for name in ("a", "b"):
            tx.intents.put("trigger", name, project='od"d\n', spec={})
    with sqlite_ledger.read() as tx:
        text = exposition(tx, now=ManualClock(parse_time("2013-03-01T00:00Z")).now())
    found = parsed(text)

    def of(name: str, kind: str) -> float:
        return next(
            one.value for one in found[f"towpath_{name}"].samples if one.labels["kind"] == kind
        )

    assert of("controller_rows_due", "trigger") == 2
    assert of("controller_rows_due", "webhook") == 0
    assert of("controller_lag_seconds", "trigger") > 0
    assert of("controller_lag_seconds", "webhook") == 0


def test_label_values_are_escaped(sqlite_ledger: Any) -> None:
    from towpath.server.views import exposition as module

    assert parsed(f"x{module._labels({'a': chr(34) + chr(92) + chr(10)})} 1\n")["x"].samples[
        0
    ].labels == {"a": '"\\\n'}
