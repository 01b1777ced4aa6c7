"""Settings classes for the parts of the service; `app.config.Settings` combines the classes."""
