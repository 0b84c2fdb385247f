"""Sending a value to other processes once: its arrays are mapped from a file, or travel as they lie in memory.

The modules of a user's home go along as source, see `user_code`.
"""

from __future__ import annotations

import mmap
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from threading import Lock
from typing import Any
from uuid import uuid4

from bullbear import user_code
from bullbear.errors import ExecutionError
from bullbear.execution.environment import difference, environment

_ALIGN = 64


@dataclass(frozen=True)
class Shipment:
    """A pickled value, opened once by each process that receives it.

    `environment` is that of the sender; one that differs at the receiver could give other bits.
    """

    token: str
    environment: Mapping[str, str]
    modules: dict[str, tuple[str, str]]
    head: bytes
    buffers: tuple[bytes, ...]

    @classmethod
    def of(cls, value: object) -> Shipment:
        """Pack a value."""
        head, buffers = _pickled(value)
        modules, copies = user_code.loaded(head), tuple(bytes(buffer) for buffer in buffers)
        return cls(uuid4().hex, dict(environment()), modules, head, copies)

    def open(self) -> Any:
        """The value, its arrays read-only; ExecutionError if Python, a library or bullbear has another version here."""
        if differs := difference(self.environment, environment()):
            raise ExecutionError(
                f"--cluster: the worker on {gethostname()} has {differs}; "
                "install there what runs here and start it again"
            )
        with _opening:  # a worker may run several threads, and Dask may send it the same shipment twice
            if self.token not in _opened:
                user_code.restore(self.modules)
                _opened.clear()
                _opened[self.token] = pickle.loads(self.head, buffers=self.buffers)
            return _opened[self.token]


_opening = Lock()
_opened: dict[str, Any] = {}


def write_to_file(value: object, path: Path) -> None:
    """Write a value so that `map_from_file` can map its arrays instead of reading them."""
    head, buffers = _pickled(value)
    sizes = [buffer.nbytes for buffer in buffers]
    with path.open("wb") as file:
        pickle.dump((user_code.loaded(head), head, sizes), file, protocol=5)
        for buffer in buffers:
            file.seek(_aligned(file.tell()))
            file.write(buffer)


def map_from_file(path: Path) -> Any:
    """The value that `write_to_file` wrote; its arrays are read-only views of the file."""
    with path.open("rb") as file:
        modules, head, sizes = pickle.load(file)
        place, mapped = file.tell(), memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    buffers = []
    for size in sizes:
        place = _aligned(place)
        buffers.append(mapped[place : place + size])
        place += size
    user_code.restore(modules)
    return pickle.loads(head, buffers=buffers)


def _pickled(value: object) -> tuple[bytes, list[memoryview]]:
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return head, [buffer.raw() for buffer in buffers]


def _aligned(place: int) -> int:
    return -(-place // _ALIGN) * _ALIGN
