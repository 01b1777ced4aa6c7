"""The session classes: SQLModel's, whose `exec` knows what a statement returns."""

import sqlmodel
from sqlmodel.ext.asyncio.session import AsyncSession

Session = AsyncSession
SyncSession = sqlmodel.Session
