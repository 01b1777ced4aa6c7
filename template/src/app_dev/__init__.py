"""Development code, which is not part of the wheel or the container image."""
