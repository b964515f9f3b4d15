"""A Sellercloud that does little but note when requests arrive: the kernel stamps them, however busy the two of us are."""

import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from heapq import heappop, heappush
from pathlib import Path

SO_TIMESTAMPNS = 35
"""Linux; each `recvmsg` tells the wall-clock time at which its bytes came in."""
TOKEN = b'{"access_token":"t","expires_in":3600.0}'
Due = tuple[float, int, bytes]


class Caller:
    """One connection: bytes of requests that are not whole yet, and when the first of them came in."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._buffer = b""
        self._at: float | None = None

    def take(self) -> Iterator[tuple[float, bytes]]:
        """Requests that are whole now, each with the moment of its first byte. Raises ConnectionError at the end."""
        data, notes, _, _ = self.connection.recvmsg(1 << 16, 256)
        if not data:
            raise ConnectionResetError
        at = _stamped(notes)
        self._at = at if self._at is None else self._at
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n") + 4) > 3:
            head = self._buffer[:end]
            length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            if len(self._buffer) < end + length:
                return
            self._buffer = self._buffer[end + length :]
            yield self._at, head
            self._at = at if self._buffer else None


def _stamped(notes: Sequence[tuple[int, int, bytes]]) -> float:
    """The kernel's moment; ours where it tells none."""
    for _, kind, value in notes:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", value)
            return float(seconds + nanoseconds / 1e9)
    return time.time()


def serve(latency: float, unwell: int, notes: Path) -> None:
    """Until it is killed. Every so many-th update is answered with 503 (0: none); `notes` holds one moment a line."""
    door = socket.create_server(("127.0.0.1", 0), backlog=256)
    door.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # whoever comes in has it from the start
    looking = selectors.DefaultSelector()
    looking.register(door, selectors.EVENT_READ)
    sys.stdout.write(f"http://127.0.0.1:{door.getsockname()[1]}\n")
    sys.stdout.flush()
    waiting: list[Due] = []
    callers: dict[int, Caller] = {}
    count = 0
    with notes.open("w", buffering=1) as file:
        while True:
            for key, _ in looking.select(max(waiting[0][0] - time.monotonic(), 0) if waiting else None):
                if key.fileobj is door:
                    connection, _ = door.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    callers[connection.fileno()] = Caller(connection)
                    looking.register(connection, selectors.EVENT_READ)
                    continue
                try:
                    for at, head in callers[key.fd].take():
                        file.write(f"{at:.9f}\n")
                        count += 1
                        asked = head.startswith(b"POST")
                        status, body = (200, TOKEN) if asked else (503 if unwell and count % unwell == 0 else 200, b"")
                        answer = b"HTTP/1.1 %d So\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
                        heappush(waiting, (time.monotonic() + latency, key.fd, answer))
                except ConnectionError:
                    looking.unregister(key.fileobj)
                    callers.pop(key.fd).connection.close()
            while waiting and waiting[0][0] <= time.monotonic():
                _, caller, answer = heappop(waiting)
                with suppress(ConnectionError, KeyError):
                    callers[caller].connection.sendall(answer)


if __name__ == "__main__":
    serve(float(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
