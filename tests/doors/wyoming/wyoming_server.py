"""A server with the Wyoming door on, and the unmodified client of the wyoming package."""

import asyncio
from contextlib import asynccontextmanager

from loopback import open_server
from telephones import free_port
from wyoming.client import AsyncTcpClient

ENDS = ("error", "pong")


class Client:
    """What a program does with the library: events out, and those that come back up to one of a type."""

    def __init__(self, tcp):
        self.tcp = tcp

    async def send(self, *events):
        for event in events:
            await self.tcp.write_event(event.event())

    async def until(self, kind):
        """Return the events up to the first of a type, or an error; None for the end of the connection."""
        got = []
        async with asyncio.timeout(30):
            while (event := await self.tcp.read_event()) is not None:
                got.append(event)
                if event.type in (kind, "error"):
                    return got
        return [*got, None]


@asynccontextmanager
async def wyoming_server(*sets, **options):
    """Yield the server and its Wyoming port."""
    port = free_port()
    async with open_server("doors=[page, wyoming]", f"wyoming.port={port}", *sets, **options) as server:
        yield server, port


@asynccontextmanager
async def client(port):
    async with AsyncTcpClient("127.0.0.1", port) as tcp:
        yield Client(tcp)
