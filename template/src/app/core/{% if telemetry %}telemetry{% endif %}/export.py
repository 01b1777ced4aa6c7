"""Span exporters, which remove personal data from spans and log outages of the collector."""

import logging
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from app.core.logging import get_logger

logger = get_logger(__name__)

PRIVATE_ATTRIBUTES = frozenset({"url.path", "url.query", "url.full", "db.statement.parameters"})
"""Span attributes that are not exported, because they may contain personal data or secrets.

The route template in `http.route` is exported. To find the path of a traced request, search the
logs for the trace id, because the request's log line contains both.
"""


class PrivateExporter(SpanExporter):
    """Exports spans without their private attributes and without exception messages.

    For example, the message of a database error may contain the e-mail address of a new user.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_without_private_data(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()


class OutageLog(SpanExporter):
    """Logs one line when an outage of the collector starts, and one line when it ends.

    OpenTelemetry itself logs several lines for each batch of spans that it cannot export.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._is_available = True
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        # Level ERROR suppresses the SDK's warnings that its queue of spans is full.
        logging.getLogger("opentelemetry.sdk").setLevel(logging.ERROR)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        is_available = result is SpanExportResult.SUCCESS
        if self._is_available and not is_available:
            logger.warning("traces_not_exported", spans=len(spans))
        elif is_available and not self._is_available:
            logger.info("traces_exported")
        self._is_available = is_available
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _without_private_data(span: ReadableSpan) -> ReadableSpan:
    attributes = span.attributes or {}
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={
            name: value for name, value in attributes.items() if name not in PRIVATE_ATTRIBUTES
        },
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
