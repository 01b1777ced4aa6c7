"""The service as one Piccolo app: its features' models, and where their migrations are."""

from piccolo.conf.apps import AppConfig

from app.core.database.models import Entity
from app.core.database.revisions import FOLDER, project
from app.features import import_models

import_models()
APP_CONFIG = AppConfig(
    app_name="app",
    migrations_folder_path=project() / FOLDER,
    table_classes=list(Entity.__subclasses__()),
)
