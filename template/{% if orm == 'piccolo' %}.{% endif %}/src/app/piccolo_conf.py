"""Piccolo's configuration: its migrations find the engine and the models here."""

from piccolo.conf.apps import AppRegistry

from app.core.database.engine import engine

DB = engine

APP_REGISTRY = AppRegistry(apps=["app.piccolo_app"])
