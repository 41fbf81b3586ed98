"""Where what is slow to compute is kept on this machine."""

import os
from pathlib import Path


def folder(name: str) -> Path:
    """Give a folder for one kind of results: in `XDG_CACHE_HOME`, else in `~/.cache`."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named and Path(named).is_absolute() else Path.home() / ".cache"
    return base / "kobling" / name
