"""The sandbox in a process of its own, which can be put back to where it was."""

import asyncio
import copy
import http.client
import json
import os
import pickle
import signal
import time
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from sync.sandbox.control import WORLD
from sync.sandbox.server import build


class Sandbox:
    """Asked and told over its own address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, tree: Any = None) -> bytes:
        self._connection.request(method, path, None if tree is None else json.dumps(tree))
        reply = self._connection.getresponse()
        content = reply.read()
        assert reply.status == 200, content
        return content

    def fault(self, *faults: dict[str, Any], seed: int = 0) -> None:
        self.ask("POST", "/_sandbox/faults", {"seed": seed, "faults": list(faults)})

    def mend(self) -> None:
        self.ask("DELETE", "/_sandbox/faults")

    def switch(self, **switches: Any) -> None:
        self.ask("PUT", "/_sandbox/switches", {name.replace("__", "."): value for name, value in switches.items()})

    def history(self, since: int = 0) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ask("GET", f"/_sandbox/history?since={since}&limit=1000000"))
        return found

    def answered(self) -> list[dict[str, Any]]:
        """The history, once nothing is in flight any more."""
        while any(entry["finished"] is None for entry in self.history()):
            time.sleep(0.05)
        return self.history()

    def holding(self) -> dict[str, dict[str, Any]]:
        """What each vendor holds, by id; nothing masked."""
        found: dict[str, dict[str, Any]] = pickle.loads(self.ask("GET", "/_proof/customers"))
        return found

    def save(self) -> None:
        self.ask("POST", "/_proof/save")

    def restore(self) -> None:
        """As it was when it was saved, without history and faults."""
        self.ask("POST", "/_proof/restore")


def start() -> tuple[Sandbox, int]:
    """Forks a sandbox that ends with this process; its process id, too. No other thread may run here."""
    here, there = os.pipe()
    alive, ours = os.pipe()
    if pid := os.fork():
        os.close(there)
        os.close(alive)
        with os.fdopen(here) as pipe:
            return Sandbox(pipe.readline().strip()), pid
    os.close(ours)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        asyncio.run(_serve(there, alive))
    finally:
        os._exit(0)


async def _serve(there: int, alive: int) -> None:
    """Until the other end of `alive` is closed."""
    app = build()
    world = app[WORLD]
    saved: dict[str, Any] = {}

    async def customers(_: web.Request) -> web.Response:
        return web.Response(body=pickle.dumps({name: world.customers(name) for name in world.vendors}))

    async def save(_: web.Request) -> web.Response:
        saved.update({name: copy.deepcopy(vendor.shelf) for name, vendor in world.vendors.items()})
        return web.Response()

    async def restore(_: web.Request) -> web.Response:
        world.reset()
        for name, shelf in saved.items():
            world.vendors[name].shelf = copy.deepcopy(shelf)
        return web.Response()

    async def tokens(_: web.Request) -> web.Response:
        doors = [vendor._door for vendor in world.vendors.values() if hasattr(vendor, "_door")]
        return web.json_response([token for door in doors for _, token in door.tokens._until])

    app.add_routes(
        [
            web.get("/_proof/customers", customers),
            web.get("/_proof/tokens", tokens),
            web.post("/_proof/save", save),
            web.post("/_proof/restore", restore),
        ]
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    os.write(there, f"http://127.0.0.1:{runner.addresses[0][1]}\n".encode())
    os.close(there)
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(alive, over.set)
    await over.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve(1, 0))
