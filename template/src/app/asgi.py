"""The ASGI application, which servers import as `app.asgi:app`.

Importing this module builds the application. Importing any other module does not.
"""

from app.main import create_app

app = create_app()
