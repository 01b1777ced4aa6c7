"""The ASGI application, which servers import as `app.asgi:app`.

Importing this module builds the application. No other module builds an application on import.
"""

from app.main import create_app

app = create_app()
