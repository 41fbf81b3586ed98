"""The Dask cluster that repeated work is sent to, where somebody has named one."""

import os

from measure.replication.dask_cluster import Cluster
from measure.replication.workers import Workers

CLUSTER = "KOBLING_CLUSTER"
"""Environment variable with the address of a scheduler, such as tcp://10.0.0.5:8786."""


def address() -> str | None:
    """Give the address of the scheduler; None where none is named."""
    return os.environ.get(CLUSTER) or None


def workers(processes: int) -> Workers:
    """Give the address of the scheduler, where one is named, in the place of so many processes."""
    return address() or processes


def require_reachable() -> None:
    """Refuse at once a cluster that is named and cannot be reached.

    Raises
    ------
    OptionError
        The address is none, the scheduler does not answer, or it has no workers.
    """
    named = address()
    if named is not None:
        with Cluster(named):
            pass
