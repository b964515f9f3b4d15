"""The store that ends with the process."""

from sync.stores.memory.store import Memory

__all__ = ["Memory"]
