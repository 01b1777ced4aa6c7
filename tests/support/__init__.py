"""Helpers of the tests, one module for each subject."""

from pkgutil import iter_modules

import pytest

# So that pytest shows the values of an assert that fails in a helper, as it does in a test.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in iter_modules(__path__)))
