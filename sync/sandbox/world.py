"""Switches and a seed -> everything the sandbox holds, in one place: the four vendors, history, faults, limits."""

import asyncio
from collections.abc import Mapping
from typing import Any

from sync.sandbox.assumed import TABLE
from sync.sandbox.faults import Faults
from sync.sandbox.history import KEEP, History
from sync.sandbox.limits import Limit
from sync.sandbox.rpm import Rpm
from sync.sandbox.sellercloud import Sellercloud
from sync.sandbox.sparklayer import SparkLayer
from sync.sandbox.switches import Switches
from sync.sandbox.talk import Simulated, Tree
from sync.sandbox.webcommander import WebCommander


class World:
    """The state of one sandbox; within its event loop it may be read and changed at any time."""

    def __init__(self, switches: Mapping[str, Any] | None = None, *, seed: int = 0, keep: int = KEEP) -> None:
        self.switches = Switches(TABLE, switches)
        self.faults = Faults(seed)
        self.history = History(keep)
        every = self.switches.__getitem__
        self.vendors: dict[str, Simulated] = {
            vendor.name: vendor(self.switches.of(vendor.name), every) for vendor in (Sellercloud, Rpm, WebCommander, SparkLayer)
        }
        self.limits = {name: Limit() for name in self.vendors}
        self.stopping = asyncio.Event()

    def customers(self, vendor: str) -> dict[str, Tree]:
        """What a vendor holds: values by id, in the names of its update schema, passwords included."""
        return {held.id: held.values for held in self.vendors[vendor].shelf}

    def reset(self, *, switches: bool = True) -> None:
        """Forgets customers, tokens, history, faults and what was counted towards a limit; and sets the switches back."""
        for vendor in self.vendors.values():
            vendor.shelf.clear()
            vendor.expire(refresh=True)
        for limit in self.limits.values():
            limit.clear()
        self.faults.clear()
        self.history.clear()
        if switches:
            self.switches.reset()
