"""Servers for `app dev` and the tests, used if neither the environment nor `.env` sets their URLs.

This package is part of the project instead of a library, because it starts processes, sometimes as
root, and developers should be able to read such code. This package also depends on the project's
data folder (`.local/`) and on the names of the project's settings.
"""
