"""Collects all models in one module, because Tortoise is configured with the module's name."""

from app.features import import_models

# The list contains every object in the features' modules. Tortoise selects the models.
__models__ = [thing for module in import_models() for thing in vars(module).values()]
