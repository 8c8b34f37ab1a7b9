"""What is committed is followed when it is, not when the next report is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from towpath.gateway.routes import following

if TYPE_CHECKING:
    import pytest


def test_routes_and_withdrawals_are_followed_between_two_reports(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "HEARTBEAT_S", 3600.0)
    first = bench.route(board=bench.service())
    bench.start()
    bench.await_route(first)
    for weights, arm in (((0.0, 1.0), "challenger"), ((1.0,), "champion")):
        bench.await_route(bench.route(board=bench.service(*weights)))
        assert bench.infer(600.0, subject="N1").json()["parameters"]["arm"] == arm
    with bench.ledger.write() as tx:
        tx.withdrawals.add(bench.keyring.subject_hash("tailnum", "N1"))
    bench.eventually(lambda: bench.infer(600.0, subject="N1").status_code == 451, "the refusal")
