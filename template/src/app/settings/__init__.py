"""Settings classes, one for each part of the service. `app.config.Settings` combines them."""
