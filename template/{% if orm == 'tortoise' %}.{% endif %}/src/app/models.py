"""All models of the service in one module, because Tortoise takes models by module name."""

from app.features import import_models

# All names of the features' modules. Tortoise picks the models among them.
__models__ = [thing for module in import_models() for thing in vars(module).values()]
