"""Servers for `app dev` and the tests, used if neither the environment nor `.env` names a server.

This package is part of the project instead of a library because it starts processes, sometimes as
root, so developers should be able to read it. It also depends on the project's data folder
(`.local/`) and on the names of its settings.
"""
