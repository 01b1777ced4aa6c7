"""Settings by concern. `app.config` puts them together."""
