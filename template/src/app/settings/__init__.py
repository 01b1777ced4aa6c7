"""Classes of settings, one for each concern. `app.config.Settings` combines them."""
