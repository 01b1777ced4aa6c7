"""The session classes: SQLAlchemy's own."""

from sqlalchemy import orm
from sqlalchemy.ext.asyncio import AsyncSession

Session = AsyncSession
SyncSession = orm.Session
