"""The ASGI application, which servers import as `app.asgi:app`.

This is the only module that builds the application when it is imported.
"""

from app.main import create_app

app = create_app()
