"""Code for development, which is not part of the wheel or the container image."""
