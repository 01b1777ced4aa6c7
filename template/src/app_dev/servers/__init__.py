"""Servers that `app dev` and the tests start if the environment and `.env` contain no server URL.

This package is part of the project instead of a separate library, so that developers can easily
review its code, which starts processes, sometimes as root. The package also depends on the
project's data folder (`.local/`) and on the names of the project's settings.
"""
