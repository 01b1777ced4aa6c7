"""The command `just bench`, which measures the routes of the service on this machine.

`server.py` starts the service in a child process, `routes.py` finds the routes and prepares their
requests, `load.py` sends the requests, `profile.py` records flame graphs, and `__main__.py` prints
the results.
"""
