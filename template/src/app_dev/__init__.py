"""What a checkout needs to run and test the service; not in the wheel or the image."""
