"""Settings classes, one for each part of the service, which `app.config.Settings` combines."""
