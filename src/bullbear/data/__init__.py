"""The point-in-time store, the snapshot directory that fills it, and the rules of publication.

Everything above reads through `Store.as_of`; nothing else touches data.
"""

from __future__ import annotations

from bullbear.data.store import Store
from bullbear.data.view import View

__all__ = ["Store", "View"]
