"""One settings class for each part of the service. `app.config.Settings` combines the classes."""
