"""A server with the telephone door on, scripted engines and a free port for Asterisk."""

import socket
from contextlib import asynccontextmanager

import numpy as np
from loopback import open_server

LONG = "The sea is deep and cold. It is full of fish. Some of them shine in the dark. Others are blind."


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@asynccontextmanager
async def telephone_server(*sets, **options):
    """Yield the server and Asterisk's port."""
    port = free_port()
    doors = ("doors=[page, telephony]", f"telephony.audiosocket_port={port}")
    async with open_server(*doors, *sets, **options) as server:
        yield server, port


def voice(seconds, rate=16_000):
    """A sound that the scripted engines take for speech."""
    return (0.3 * np.sin(2 * np.pi * 300 / rate * np.arange(round(rate * seconds)))).astype(np.float32)
