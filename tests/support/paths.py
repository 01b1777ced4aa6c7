"""The folders of this repository that the tests use."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
"""What is worth keeping between runs; it may be deleted at any time."""
