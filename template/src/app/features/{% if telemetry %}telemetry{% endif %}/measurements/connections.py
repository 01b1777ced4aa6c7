"""Measures the database connections in use, and how long requests wait for a connection."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from prometheus_client import Gauge, Histogram

from app.core.database import Session
from app.core.database.limit import max_connections
from app.core.database.unit import UnitsOfWork
from app.resources import Resources

type OpenSession = Callable[[], AbstractAsyncContextManager[Session]]

USED = Gauge(
    "db_client_connection_used",
    "Database connections that are in use.",
    multiprocess_mode="livesum",
)
MAX = Gauge(
    "db_client_connection_max",
    "Maximum number of database connections that all processes of an instance may use.",
    multiprocess_mode="livesum",
)
PENDING = Gauge(
    "db_client_connection_pending_requests",
    "Requests that are waiting for a database connection.",
    multiprocess_mode="livesum",
)
WAIT_TIME = Histogram(
    "db_client_connection_wait_time_seconds",
    "Time that a request waited for a database connection.",
)


def start(resources: Resources) -> None:
    """Measure every session that the database opens, because each session uses one connection."""
    MAX.set(max_connections(resources.settings))
    database: UnitsOfWork = resources.database
    database.reading_session = _measured(database.reading_session)
    database.writing_session = _measured(database.writing_session)


def _measured(open_session: OpenSession) -> OpenSession:
    @asynccontextmanager
    async def open_measured_session() -> AsyncGenerator[Session]:
        async with AsyncExitStack() as stack:
            with PENDING.track_inprogress(), WAIT_TIME.time():
                session = await stack.enter_async_context(open_session())
            with USED.track_inprogress():
                yield session

    return open_measured_session
