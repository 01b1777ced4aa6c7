"""Redis: a cache and counters that processes share, and that the service can do without."""
