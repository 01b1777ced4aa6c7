"""Servers for `app dev` and the tests, used if neither the environment nor `.env` sets their URLs.

This package is not a library, because it starts processes, sometimes as root, so developers should
be able to read it. This package also depends on the project's data folder (`.local/`) and on the
names of the project's settings.
"""
