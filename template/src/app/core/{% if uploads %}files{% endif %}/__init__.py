"""The file store, which keeps the content of uploaded files outside the database."""

from app.core.files.store import FILES, INCOMING, FileStore, StoredObject

__all__ = ["FILES", "INCOMING", "FileStore", "StoredObject"]
