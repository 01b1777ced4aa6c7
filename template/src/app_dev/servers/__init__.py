"""What `app dev` and the tests connect to where neither the environment nor `.env` names a server.

It is code of this project and not a library: it starts processes, as root too, so it should be short
enough to read, and it depends on where this project keeps its data (`.local/`) and on the names of
its settings.
"""
