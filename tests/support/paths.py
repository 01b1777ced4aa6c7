"""Folders of this repository that the tests use."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
"""Folder for virtual environments and caches, which later test runs reuse. It may be deleted."""
