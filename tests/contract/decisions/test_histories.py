"""Whatever happens in whatever order, the log holds what a plain dictionary would."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.operate.decisions import SegmentDecisionLog

STEPS = st.one_of(
    st.tuples(st.just("decide"), st.integers(0, 3), st.integers(0, 200)),
    st.tuples(st.just("label"), st.integers(0, 30), st.booleans()),
    st.tuples(st.just("seal")),
    st.tuples(st.just("compact")),
    st.tuples(st.just("erase"), st.integers(0, 3)),
    st.tuples(st.just("reopen")),
)
_numbers = itertools.count()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, min_size=3, max_size=14))
def test_log_agrees_with_a_dictionary(bench: Any, steps: list[Any]) -> None:
    number = next(_numbers)
    service = f"board-{number}"
    decisions: dict[str, Any] = {}
    labels: dict[str, float] = {}
    for step in steps:
        match step:
            case ("decide", who, hours):
                subject = f"{who:04x}{number:028x}"
                decision = bench.decision(service=service, hours=hours, subject=subject)
                bench.write(decision)
                decisions[decision.decision_id] = decision
            case ("label", index, value) if decisions:
                name = list(decisions)[index % len(decisions)]
                bench.write(bench.label(name, float(value)))
                labels[name] = float(value)
            case ("seal",):
                bench.seal()
            case ("compact",):
                bench.compact()
            case ("erase", who):
                subject = f"{who:04x}{number:028x}"
                gone = {n for n, d in decisions.items() if d.subject == subject}
                assert bench.log.holdings(subject).decisions == len(gone)
                assert bench.log.erase_subjects([subject]).decisions == len(gone)
                for name in gone:
                    del decisions[name]
                    labels.pop(name, None)
            case ("reopen",):
                bench.log = SegmentDecisionLog(bench.ledger, bench.blobs, bench.path)

        assert bench.log.count(service) == len(decisions)

    found = bench.log.scan(service, columns=["decision_id"]).collect()["decision_id"]
    assert sorted(found) == sorted(decisions)
    joined = bench.log.scan_labelled(service, columns=["decision_id"]).collect()
    assert dict(zip(joined["decision_id"], joined["label"], strict=True)) == labels
    for name, decision in decisions.items():
        assert bench.log.find(name) == decision
