"""Piccolo's configuration, which names the engine and the app for its migrations."""

from piccolo.conf.apps import AppRegistry

from app.core.database.engine import engine

DB = engine

APP_REGISTRY = AppRegistry(apps=["app.piccolo_app"])
