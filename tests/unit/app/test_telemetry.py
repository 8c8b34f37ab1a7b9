"""Runs and controllers' steps become spans; without a receiver nothing is made or imported."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from span_receiver import SpanReceiver

from towpath.app.telemetry import TracedReconciler, open_spans, sending_spans, tracing_run
from towpath.build.pipelines import Progress
from towpath.core.spans import is_traceparent

if TYPE_CHECKING:
    from collections.abc import Iterator

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def receiver() -> Iterator[SpanReceiver]:
    pytest.importorskip("opentelemetry.sdk")
    with SpanReceiver() as opened:
        yield opened


def news(kind: Any, step: str = "", detail: str = "") -> Progress:
    return Progress(kind=kind, run_id="run-1", step=step, done=0, total=2, detail=detail)


def test_a_run_is_a_span_and_each_step_one_below_it(
    receiver: SpanReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEPARENT", PARENT)
    heard: list[str] = []
    with (
        sending_spans("run", receiver.url) as spans,
        tracing_run(spans, "train", lambda one: heard.append(one.kind)) as tell,
    ):
        assert tell is not None
        for one in (
            news("planned"),
            news("hit", "load"),
            news("started", "fit"),
            news("done", "fit"),
            news("considered", "late", "pass"),
        ):
            tell(one)
    by_name = {one["name"]: one for one in receiver.spans}
    run, step = by_name["run pipeline"], by_name["run step"]
    assert (run["trace"], run["parent"]) == (PARENT[3:35], PARENT[36:52])
    assert (step["trace"], step["parent"]) == (run["trace"], run["id"])
    assert run["attributes"] == {
        "towpath.pipeline": "train",
        "towpath.run": "run-1",
        "towpath.verdict": "pass",
    }
    assert step["attributes"] == {"towpath.step": "fit", "towpath.run": "run-1"}
    assert heard == ["planned", "hit", "started", "done", "considered"]
    assert not run["failed"]
    assert run["service"] == "towpath-run"


def test_steps_that_fail_or_are_cut_off_fail_their_spans(receiver: SpanReceiver) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        sending_spans("run", receiver.url) as spans,
        tracing_run(spans, "train", None) as tell,
    ):
        assert tell is not None
        tell(news("started", "fit"))
        tell(news("failed", "fit", "it said something about N123"))
        tell(news("started", "other"))
        raise KeyboardInterrupt
    assert [one["failed"] for one in receiver.spans] == [True, True, True]
    assert "N123" not in str(receiver.spans)


class Breaking:
    """A reconciler whose second step fails."""

    kinds = ("run",)
    steps = 0

    def reconcile(self, held: Any) -> None:
        del held
        self.steps += 1
        if self.steps == 2:
            raise ValueError("about N123")


def test_each_step_of_a_controller_is_a_span_and_failures_go_on(receiver: SpanReceiver) -> None:
    class Held:
        kind, name = "run", "r1"

    held: Any = Held()
    with sending_spans("worker", receiver.url) as spans:
        assert spans is not None
        steps = TracedReconciler(Breaking(), spans)
        assert steps.kinds == ("run",)
        steps.reconcile(held)
        with pytest.raises(ValueError, match="N123"):
            steps.reconcile(held)
    assert [one["name"] for one in receiver.spans] == ["reconcile run"] * 2
    assert [one["failed"] for one in receiver.spans] == [False, True]
    assert receiver.spans[1]["attributes"]["error.type"] == "ValueError"
    assert "N123" not in str(receiver.spans)


def test_the_environment_goes_before_the_setting_and_its_headers_are_sent(
    receiver: SpanReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=rides")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "rides-gateway")
    with sending_spans("gateway", "http://127.0.0.1:9") as spans:
        assert spans is not None
        spans.begin("something").end()
    assert receiver.spans[0]["service"] == "rides-gateway"
    assert receiver.headers["x-team"] == "rides"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"},
    ],
)
def test_nothing_is_traced_unless_somebody_listens(environ: dict[str, str]) -> None:
    assert open_spans("gateway", environ=environ) is None
    with tracing_run(None, "train", print) as tell:
        assert tell is print


def test_opentelemetry_is_not_imported_when_it_is_off() -> None:
    code = (
        "import sys, towpath.gateway.serving\n"
        "from towpath.app.telemetry import open_spans\n"
        "assert open_spans('gateway', environ={}) is None\n"
        "assert not [one for one in sys.modules if one.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (PARENT, True),
        ("01" + PARENT[2:] + "-more", True),
        (PARENT + "-more", False),
        ("ff" + PARENT[2:], False),
        (PARENT.upper(), False),
        (PARENT[:-1], False),
        ("", False),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", False),
        (f"00-{'a' * 32}-{'0' * 16}-01", False),
    ],
)
def test_a_traceparent_is_told_from_what_only_looks_like_one(text: str, is_one: bool) -> None:
    assert is_traceparent(text) is is_one
