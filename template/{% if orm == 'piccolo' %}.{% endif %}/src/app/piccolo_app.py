"""Piccolo's app configuration, with the models of all features and the migrations folder."""

from piccolo.conf.apps import AppConfig

from app.core.database.models import Entity
from app.core.database.revisions import FOLDER, project_folder
from app.features import import_models

import_models()
APP_CONFIG = AppConfig(
    app_name="app",
    migrations_folder_path=project_folder() / FOLDER,
    table_classes=list(Entity.__subclasses__()),
)
