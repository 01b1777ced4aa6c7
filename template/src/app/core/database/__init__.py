"""Persistence: database connections, units of work, repositories and migrations."""

from app.core.database.scope import EVERYTHING, Scope
from app.core.database.session import Session
from app.core.database.sessions import Database
from app.core.database.unit import UnitOfWork

__all__ = ["EVERYTHING", "Database", "Scope", "Session", "UnitOfWork"]
