"""Configures OpenTelemetry tracing: which spans are created, sampled and exported."""

from collections.abc import Sequence
from importlib.metadata import version
from threading import Thread
from typing import override

import structlog
from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from app import DISTRIBUTION
from app.config import Settings
from app.core.logging import get_logger
from app.core.telemetry.export import OutageLog, PrivateExporter
from app.core.telemetry.instrumentation import instrument

logger = get_logger(__name__)

SHUTDOWN_TIMEOUT = 2.0
"""Maximum time for exporting the last spans before the process exits, in seconds."""

TELEMETRY: TelemetryConfig = {
    "auto_configure": False,
    "logs": False,
    "metrics": False,
    "operation_spans": False,
}
"""Options of FastAPI's telemetry, which creates one span for each request.

In a benchmark, the option `metrics` added 64 µs of CPU time to each request, and `operation_spans`,
which creates a span for each dependency, added 103 µs. The option `logs` would export exception
messages, and `auto_configure` would export paths and query strings.
"""

CONFIGURED_ELSEWHERE = (
    "Other code, such as opentelemetry-instrument, has already configured OpenTelemetry, so this"
    " service exports spans without removing personal data. Remove the other configuration."
)

UNTRACED_PATHS = frozenset({"/health", "/ready", "/metrics"})


def configure_tracing(settings: Settings) -> TracerProvider:
    """Configure OpenTelemetry for this process, unless it is already configured.

    A separate thread exports the spans. If the collector is unavailable, spans are dropped, and
    requests are not delayed.
    """
    configured = trace.get_tracer_provider()
    if isinstance(configured, TracerProvider):
        if not isinstance(configured.sampler, RequestSampler):
            logger.warning("tracing_configured_elsewhere", advice=CONFIGURED_ELSEWHERE)
        return configured
    about = {
        "service.name": DISTRIBUTION,
        "service.version": version(DISTRIBUTION),
        "deployment.environment.name": settings.environment,
    }
    provider = TracerProvider(
        shutdown_on_exit=False,
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence over these attributes.
        resource=Resource.create(about).merge(OTELResourceDetector().detect()),
        sampler=RequestSampler(settings.otel_traces_sampler_arg, settings.root_path),
    )
    if settings.otel_exporter_otlp_endpoint:
        endpoint = f"{settings.otel_exporter_otlp_endpoint}/v1/traces"
        exporter = PrivateExporter(OutageLog(OTLPSpanExporter(endpoint)))
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    instrument()
    return provider


def export_last_spans(provider: TracerProvider) -> None:
    """Export the spans that have ended, and wait for at most `SHUTDOWN_TIMEOUT` seconds."""
    thread = Thread(target=provider.force_flush, daemon=True)
    thread.start()
    thread.join(SHUTDOWN_TIMEOUT)


class RequestSampler(Sampler):
    """Samples a fraction of the traces of requests and jobs, and drops those of health probes.

    If a request has a `traceparent` header, the sampling decision in this header applies.
    """

    def __init__(self, ratio: float, root_path: str = "") -> None:
        self._sampler = ParentBased(TraceIdRatioBased(ratio))
        self._untraced = {f"{root_path}{path}" for path in UNTRACED_PATHS}

    @override
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        is_root = not trace.get_current_span(parent_context).get_span_context().is_valid
        is_probe = (attributes or {}).get("url.path") in self._untraced
        # A command outside a request or job, such as a poll of the job queue, starts no trace.
        if is_probe or (is_root and kind is SpanKind.CLIENT):
            return SamplingResult(Decision.DROP)
        return self._sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    @override
    def get_description(self) -> str:
        return type(self).__name__


def bind_trace_id() -> None:
    """Add the `trace_id` of the current span to the log lines of the current request or job."""
    context = trace.get_current_span().get_span_context()
    structlog.contextvars.bind_contextvars(trace_id=trace.format_trace_id(context.trace_id))
