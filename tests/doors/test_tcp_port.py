"""Ports of a door's own."""

import asyncio
import socket

import pytest

from voiceagent.doors import tcp
from voiceagent.doors.tcp import listening
from voiceagent.errors import VoiceAgentError


async def shout(reader, writer):
    while line := await reader.readline():
        if line == b"fail\n":
            raise RuntimeError("a fault of ours")
        writer.write(line.upper())


async def ask(port, line):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(line)
    answer = await reader.readline()
    writer.close()
    return answer


def test_every_connection_is_served_and_a_fault_ends_only_its_own(caplog):
    async def main():
        async with listening(shout, "127.0.0.1", 0, "some.port") as port:
            assert await ask(port, b"hello\n") == b"HELLO\n"
            assert await ask(port, b"fail\n") == b""
            assert await ask(port, b"still here\n") == b"STILL HERE\n"

    asyncio.run(main())
    assert [r.getMessage() for r in caplog.records].count("a connection failed") == 1


def test_no_more_than_some_connections_at_once(monkeypatch):
    monkeypatch.setattr(tcp, "MOST_CONNECTIONS", 1)

    async def main():
        async with listening(shout, "127.0.0.1", 0, "some.port") as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"first\n")
            assert await reader.readline() == b"FIRST\n"
            second, closing = await asyncio.open_connection("127.0.0.1", port)
            assert await second.read() == b""
            closing.close()
            writer.write(b"again\n")
            assert await reader.readline() == b"AGAIN\n"
            writer.close()

    asyncio.run(main())


def test_what_is_connected_when_the_door_closes_is_ended():
    async def main():
        async with listening(shout, "127.0.0.1", 0, "some.port") as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\n")
            await reader.readline()
        assert await reader.read() == b""
        writer.close()

    asyncio.run(main())


def test_a_port_in_use_says_which_setting_to_change():
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(
                VoiceAgentError, match=rf"Cannot listen on 127.0.0.1:{port} .*--set some.port={port + 1}"
            ):
                async with listening(shout, "127.0.0.1", port, "some.port"):
                    pass

    asyncio.run(main())
