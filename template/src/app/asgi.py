"""What a server imports: `app.asgi:app`. Importing anything else builds nothing."""

from app.main import create_app

app = create_app()
