"""Every model of the service, as Tortoise is told of them by the name of a module."""

from app.features import import_models

# All that stands in the features' modules: Tortoise picks the models.
__models__ = [thing for module in import_models() for thing in vars(module).values()]
