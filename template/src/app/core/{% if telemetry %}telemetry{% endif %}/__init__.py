"""Traces, which are exported to an OpenTelemetry collector, and metrics in Prometheus format."""
