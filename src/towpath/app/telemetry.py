"""Spans sent by OpenTelemetry, over OTLP/HTTP; and what is traced of runs and controllers.

What OpenTelemetry's own environment variables say is followed: `OTEL_EXPORTER_OTLP_ENDPOINT`, `…_HEADERS`,
`OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_BSP_…`, `OTEL_SDK_DISABLED`.
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from towpath.core.errors import UsageError
from towpath.core.spans import is_traceparent

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from towpath.build.pipelines import Progress
    from towpath.core.spans import Span, Spans
    from towpath.ledger import Intent
    from towpath.ledger.controllers import Reconciler

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_CLOSE_MS: Final = 3000
_ENDINGS: Final = ("done", "failed", "killed")


def open_spans(
    role: str, *, endpoint: str = "", environ: Mapping[str, str] | None = None
) -> Spans | None:
    """Return where this process's spans begin; None where nobody is to be told, which is the default.

    Args:
        role: `gateway`, `worker` or `run`: the service is called `towpath-<role>`, unless
            `OTEL_SERVICE_NAME` says otherwise.
        endpoint: Base URL of an OTLP/HTTP receiver, from the settings; the environment goes before.
        environ: The environment; that of this process if None.

    Raises:
        UsageError: There is an endpoint, and OpenTelemetry is not installed.
    """
    environ = os.environ if environ is None else environ
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return None
    if not endpoint and not any(environ.get(name) for name in _ENDPOINTS):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - likewise
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - likewise
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise UsageError(
            "traces are to be sent, and OpenTelemetry is not installed",
            remedy="Run: pip install 'towpath[otel]', or unset the endpoint.",
        ) from error
    said = any(environ.get(name) for name in _ENDPOINTS)
    exporter = OTLPSpanExporter() if said else OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")
    named = environ.get("OTEL_SERVICE_NAME") or f"towpath-{role}"
    resource = Resource.create({"service.name": named, "service.version": version("towpath")})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OtelSpans(provider)


class OtelSpans:
    """`Spans` over OpenTelemetry's SDK.

    Args:
        provider: A `TracerProvider`; it is this object's to shut down.
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - an extra
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - likewise
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._tracer = provider.get_tracer("towpath", version("towpath"))
        self._propagator = TraceContextTextMapPropagator()
        self._kinds = (SpanKind.INTERNAL, SpanKind.SERVER)

    def begin(
        self,
        name: str,
        *,
        parent: str | None = None,
        is_server: bool = False,
        attributes: Mapping[str, str | float | bool] | None = None,
    ) -> OtelSpan:
        """Begin a span."""
        from opentelemetry.context import Context  # noqa: PLC0415 - an extra

        context = Context()
        if parent is not None and is_traceparent(parent):
            context = self._propagator.extract({"traceparent": parent}, context)
        kind = self._kinds[is_server]
        span = self._tracer.start_span(name, context, kind=kind, attributes=attributes)
        return OtelSpan(span)

    def close(self) -> None:
        """Send what is left."""
        self._provider.force_flush(_CLOSE_MS)
        self._provider.shutdown()


class OtelSpan:
    """`Span` over OpenTelemetry's."""

    def __init__(self, span: Any) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        """Itself, for others."""
        its = self._span.get_span_context()
        return f"00-{its.trace_id:032x}-{its.span_id:016x}-{int(its.trace_flags) & 1:02x}"

    def note(self, **attributes: str | float | bool) -> None:
        """Add attributes."""
        for name, value in attributes.items():
            self._span.set_attribute(name.replace("__", "."), value)

    def end(self, failure: str | None = None) -> None:
        """End it."""
        if failure is not None:
            from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

            self._span.set_status(Status(StatusCode.ERROR, failure))
            self._span.set_attribute("error.type", failure)
        self._span.end()


class TracedReconciler:
    """A reconciler whose steps are spans: `reconcile <kind>`."""

    def __init__(self, reconciler: Reconciler, spans: Spans) -> None:
        self._reconciler = reconciler
        self._spans = spans

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of rows it takes."""
        return self._reconciler.kinds

    def reconcile(self, held: Intent) -> None:
        """Take one step; raises what the reconciler raises."""
        attributes = {"towpath.intent.kind": held.kind, "towpath.intent.name": held.name}
        span = self._spans.begin(f"reconcile {held.kind}", attributes=attributes)
        try:
            self._reconciler.reconcile(held)
        except BaseException as error:
            span.end(type(error).__name__)
            raise
        span.end()


class RunSpans:
    """A span of a pipeline's run, and one of each step in it, made of what the run's listener is told.

    A run that another traced program began, by `TRACEPARENT` in the environment, is part of that trace.
    Used from one thread.

    Args:
        spans: Where spans begin.
        pipeline: The pipeline's name.
        told: Who listens besides.
    """

    def __init__(
        self, spans: Spans, pipeline: str, told: Callable[[Progress], None] | None
    ) -> None:
        self._spans = spans
        self._told = told
        self._run = spans.begin(
            "run pipeline",
            parent=os.environ.get("TRACEPARENT"),
            attributes={"towpath.pipeline": pipeline},
        )
        self._steps: dict[str, Span] = {}
        self._failure: str | None = None

    def __call__(self, news: Progress) -> None:
        """Hear what happens."""
        if self._told is not None:
            self._told(news)
        if news.kind == "planned":
            self._run.note(towpath__run=news.run_id)
        elif news.kind == "considered":
            self._run.note(towpath__verdict=news.detail)
        elif news.kind == "started":
            attributes = {"towpath.step": news.step, "towpath.run": news.run_id}
            parent = self._run.traceparent
            self._steps[news.step] = self._spans.begin(
                "run step", parent=parent, attributes=attributes
            )
        elif news.kind in _ENDINGS and news.step in self._steps:
            failure = None if news.kind == "done" else f"step {news.kind}"
            self._steps.pop(news.step).end(failure)
            self._failure = self._failure or failure

    def end(self, failure: str | None = None) -> None:
        """End the run, and steps that nobody heard the end of."""
        for span in self._steps.values():
            span.end("run ended")
        self._run.end(failure or self._failure)


@contextmanager
def tracing_run(
    spans: Spans | None, pipeline: str, told: Callable[[Progress], None] | None
) -> Generator[Callable[[Progress], None] | None]:
    """Give a run's listener, which makes spans of what it is told where there are `spans`."""
    if spans is None:
        yield told
        return
    run = RunSpans(spans, pipeline, told)
    try:
        yield run
    except BaseException as error:
        run.end(type(error).__name__)
        raise
    run.end()


@contextmanager
def sending_spans(role: str, endpoint: str = "") -> Generator[Spans | None]:
    """Give where spans begin, and send the last of them at the end; see `open_spans`."""
    spans = open_spans(role, endpoint=endpoint)
    try:
        yield spans
    finally:
        if spans is not None:
            spans.close()


@contextmanager
def sending_run(
    endpoint: str, pipeline: str, told: Callable[[Progress], None] | None
) -> Generator[Callable[[Progress], None] | None]:
    """Give the listener of this process's one run, and send its spans at the end."""
    with sending_spans("run", endpoint) as spans, tracing_run(spans, pipeline, told) as tell:
        yield tell
