"""Settings classes for the parts of the service, which `app.config.Settings` combines."""
