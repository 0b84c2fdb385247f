"""Many calls of one function, in this process, in a pool of processes or on a Dask cluster."""

from bullbear.execution.executors import Cluster, Executor, Local
from bullbear.execution.kept import Kept
from bullbear.execution.mapping import map_items

__all__ = ["Cluster", "Executor", "Kept", "Local", "map_items"]
