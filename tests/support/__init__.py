"""Test helpers, one module for each subject."""

from pkgutil import iter_modules

import pytest

# Makes pytest show the compared values when an assert in a helper fails, as it does in a test.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))
