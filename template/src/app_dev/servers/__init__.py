"""Servers for `app dev` and the tests, used if neither the environment nor `.env` sets their URLs.

This package is part of the project, not a library, so that developers can easily review code that
starts processes, sometimes as root. This package also depends on the project's data folder
(`.local/`) and on the names of the project's settings.
"""
