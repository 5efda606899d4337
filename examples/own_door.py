"""A door of one's own: lines of JSON over TCP, audio included. It knows the host, a session and the pacer, and no page.

It asks for a first line such as {"system_prompt": "...", "voice": "high"}, which configures the session; after that,
{"text": "..."} is typed and {"configure": {...}} changes it. It sends what a session reports, by the name of its type,
and its audio as it is to be played: {"audio": samples} and {"clear": true}.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from voiceagent import Agent, VoiceAgentError
from voiceagent.audio.pacer import Pacer
from voiceagent.doors.connections import Connections
from voiceagent.doors.host import Host
from voiceagent.session.reports import Report, ResponseEnded, SegmentAnnounced, ToolUsed, UserText, WordHeard


class Line:
    """One caller."""

    def __init__(self, host: Host, changes: dict, writer: asyncio.StreamWriter) -> None:
        self.id = uuid4().hex
        self._writer = writer
        self.session = host.open_session(self._report, replace(host.config, **changes))
        self.pacer = Pacer(self.session, self._send_audio, self._send_clear)

    def describe(self) -> dict:
        return {"connection": "lines"}

    async def close(self, reason: str) -> None:
        self.session.close()
        self._writer.close()

    def write(self, message: dict) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")

    def _report(self, report: Report) -> None:
        match report:
            case SegmentAnnounced(generation, _, words):
                self.write({"says": " ".join(words), "generation": generation})
            case WordHeard():
                self.write({"word": report.index})
            case UserText(_, text, final=True):
                self.write({"understood": text})
            case ToolUsed(running=False):
                self.write({"tool": report.name, "result": report.result})
            case ResponseEnded(_, outcome, words, text):
                self.write({"ended": outcome.value, "words": words, "heard": text})

    async def _send_audio(self, frame) -> None:
        self.write({"audio": [round(float(sample), 4) for sample in frame]})
        await self._writer.drain()

    async def _send_clear(self) -> None:
        self.write({"clear": True})
        await self._writer.drain()


async def serve(host: Host, port: int = 0) -> asyncio.Server:
    """Open the door on a port of this machine; 0 takes any free one."""
    connections = Connections(host)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = json.loads(await reader.readline())

            async def connect() -> Line:
                return Line(host, first, writer)

            line = await connections.admit(connect)
        except VoiceAgentError as error:
            writer.write(json.dumps({"refused": str(error)}).encode() + b"\n")
            writer.close()
            return
        line.session.open()
        sending = asyncio.create_task(line.pacer.run())
        try:
            while message := await reader.readline():
                take(line, json.loads(message))
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await sending
            connections.left(line)
            await line.close("hangup")

    def take(line: Line, message: dict) -> None:
        match message:
            case {"text": text}:
                line.session.type(text)
            case {"say": text}:
                line.session.say(text)
            case {"stop": True}:
                line.session.stop_speaking()
            case {"played": ms, "generation": generation}:
                line.session.heard_until(generation, ms)
            case {"configure": changes}:
                try:
                    line.session.configure(replace(line.session.config, **changes))
                except VoiceAgentError as error:
                    line.write({"refused": str(error)})

    return await asyncio.start_server(answer, "127.0.0.1", port)


async def main() -> None:
    """Load the models and serve; try it with `nc localhost 7861`, and `{}` as the first line."""
    async with Agent("cpu.yaml") as agent, await serve(agent, 7861) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
