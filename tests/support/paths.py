"""Folders of this repository that the tests use."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
"""Environments and caches that are kept between runs. The folder may be deleted at any time."""
