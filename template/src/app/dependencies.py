"""Dependencies that every feature shares, as `Annotated` aliases."""

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from app.core.database import Database, Session


def get_database(connection: HTTPConnection) -> Database:
    """The application's database, from the lifespan's state."""
    database: Database = connection.state.database
    return database


DatabaseDep = Annotated[Database, Depends(get_database)]


async def get_session(request: Request, database: DatabaseDep) -> AsyncGenerator[Session]:
    """The request's session: a transaction, or for a safe method plain reads without one."""
    safe = request.method in {"GET", "HEAD"}
    async with database.reading() if safe else database.transaction() as session:
        yield session


# Closed, and so committed, when the handler returns: an answer that leaves says what is stored.
SessionDep = Annotated[Session, Depends(get_session, scope="function")]
