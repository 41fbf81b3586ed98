"""What a process is told that makes thousands of small tables.

A report makes some hundred thousand short columns and rows of texts, and keeps most of them to its
end. As Python's objects the texts are made, compared and looked up faster than as Arrow's, which
pandas takes by default and which pays for long columns; and the collector of circular garbage, at
its usual threshold, goes through all that is kept again and again to find nothing. A full run of
KKS takes about a twentieth less time for the two, and what it finds is the same.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLD = 200_000
"""Objects made beyond those freed, after which garbage is looked for: usually 700 to 2,000."""

_STORAGE = "mode.string_storage"


def settle() -> None:
    """Set this process up for many small tables, for good."""
    import pandas as pd

    pd.set_option(_STORAGE, "python")
    gc.set_threshold(_THRESHOLD)


@contextmanager
def settled() -> Iterator[None]:
    """Set this process up for many small tables inside the block, and put it back afterwards."""
    import pandas as pd

    threshold = gc.get_threshold()
    storage = pd.get_option(_STORAGE)
    try:
        settle()
        yield
    finally:
        pd.set_option(_STORAGE, storage)
        gc.set_threshold(*threshold)
