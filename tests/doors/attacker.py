"""A client that knows the wire and keeps to no rule: raw bytes to a server on loopback, from any address of it."""

import asyncio
import struct

WEBSOCKET = (
    b"GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
STRANGER = "127.0.0.66"
"""An address of loopback that is no proxy's."""
TEXT, CONTINUATION, PING = 1, 0, 9


def frame(opcode: int, data: bytes = b"", *, final: bool = True) -> bytes:
    """Return a WebSocket frame, masked with zeros."""
    size = len(data)
    first = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        return first + bytes([0x80 | size]) + bytes(4) + data
    if size < 1 << 16:
        return first + bytes([0x80 | 126]) + struct.pack(">H", size) + bytes(4) + data
    return first + bytes([0x80 | 127]) + struct.pack(">Q", size) + bytes(4) + data


class Attacker:
    """One connection. `async with Attacker(url) as attacker`."""

    def __init__(self, url: str, address: str = STRANGER) -> None:
        self._port = int(url.rpartition(":")[2])
        self._address = address

    async def __aenter__(self) -> "Attacker":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._address, 0))
        return self

    async def __aexit__(self, *error: object) -> None:
        self.writer.transport.abort()

    async def upgrade(self, path: bytes) -> bytes:
        """Ask for a WebSocket; return the answer's headers."""
        self.writer.write(WEBSOCKET % path)
        return await self.reader.readuntil(b"\r\n\r\n")

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return the status and all that comes before the server closes, or is silent."""
        self.writer.write(request)
        said = b""
        try:
            async with asyncio.timeout(20):
                said = await self.reader.readuntil(b"\r\n\r\n")
                sizes = [line for line in said.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                said += await self.reader.readexactly(int(sizes[0].split(b":")[1]) if sizes else 0)
        except asyncio.IncompleteReadError as error:
            said += error.partial
        except ConnectionResetError:
            pass
        return int(said.split(b" ")[1]) if said.startswith(b"HTTP/") else 0, said

    async def closed(self) -> bool:
        """Wait until the server ends the connection."""
        try:
            async with asyncio.timeout(20):
                while await self.reader.read(1 << 16):
                    pass
        except ConnectionResetError:
            pass
        return True
