"""Whoever watches already -> also traces, where the environment says where to."""

import os
from contextlib import AsyncExitStack

import structlog

from sync.pipeline.observed import Several
from sync.ports import Watch

log = structlog.get_logger()
WHERE_TO = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


async def traced(watch: Watch, stack: AsyncExitStack) -> Watch:
    """The same, and traces until the stack closes. Without the extra `otel` it says so, and goes on."""
    if not any(os.environ.get(name) for name in WHERE_TO):
        return watch
    try:
        from sync.service.traces import exporting
    except ImportError:
        log.warning("traces.unavailable", advice="pip install 'customer-sync[otel]'")
        return watch
    return Several(watch, await stack.enter_async_context(exporting()))
