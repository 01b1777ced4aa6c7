"""This module contains all models, because Tortoise is configured with the name of one module."""

from app.features import import_models

# This list contains every object in the `models` modules. Tortoise picks out the models.
__models__ = [thing for module in import_models() for thing in vars(module).values()]
