"""Redis support: a cache and rate limit counters that all processes share.

The service keeps working while Redis is unavailable.
"""
