"""Servers for `app dev` and the tests, used if neither the environment nor `.env` sets their URLs.

The code of this package is in the project and not in a library, because the code starts processes,
sometimes as root, and developers should be able to read such code. This package also depends on the
project's data folder (`.local/`) and on the names of the project's settings.
"""
