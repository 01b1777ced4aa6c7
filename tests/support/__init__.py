"""Test helpers, one module for each subject."""

from pkgutil import iter_modules

import pytest

# Let pytest rewrite the asserts in helpers, so that a failed assert shows the compared values.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))
