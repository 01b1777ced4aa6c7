"""Piccolo's configuration, which registers the engine and the app that has migrations."""

from piccolo.conf.apps import AppRegistry

from app.core.database.engine import engine

DB = engine

APP_REGISTRY = AppRegistry(apps=["app.piccolo_app"])
