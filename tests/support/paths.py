"""Folders of this repository that the tests use."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
"""Folder of virtual environments and caches that later test runs reuse. It may be deleted."""
