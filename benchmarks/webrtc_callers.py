"""The benchmarks' WebRTC caller at other doors than the page's: it differs in how a call is made and begun."""

from contextlib import suppress

from benchmarks.caller import CONNECT_S, Caller, RefusedError

RTVI = {"label": "rtvi-ai"}
RTVI_READY = {**RTVI, "type": "client-ready", "id": "ready", "data": {"version": "2.2.0"}}


class RtviCaller(Caller):
    """As Pipecat's SmallWebRTCTransport calls."""

    async def offer(self, sdp: str) -> str:
        """Return the server's answer to an offer. Raises RefusedError."""
        body = (await self.post("/api/offer", json={"sdp": sdp, "type": "offer"})).json()
        self.pc_id = str(body["pc_id"])
        return str(body["sdp"])

    async def introduce(self) -> None:
        """Say that the client is ready, and wait for the bot."""
        await self.until(lambda: self.is_open or None, CONNECT_S, "the data channel")
        self.send(RTVI_READY)
        await self.until(lambda: self.last("bot-ready"), CONNECT_S, "the bot")

    def ping(self) -> None:
        """Sound is enough."""

    async def leave(self) -> None:
        """Say that the caller hangs up."""
        if self.is_open:
            self.send({**RTVI, "type": "disconnect-bot", "id": "bye"})


class RealtimeCaller(Caller):
    """As OpenAI's Realtime clients in a browser call."""

    async def offer(self, sdp: str) -> str:
        """Return the server's answer to an offer. Raises RefusedError."""
        answer = await self.post("/v1/realtime/calls", content=sdp, headers={"Content-Type": "application/sdp"})
        self.pc_id = answer.headers["Location"].rpartition("/")[2]
        return answer.text

    async def introduce(self) -> None:
        """Wait until the conversation can begin."""
        await self.until(lambda: self.last("session.created"), CONNECT_S, "the session")

    def ping(self) -> None:
        """Sound is enough."""

    async def leave(self) -> None:
        """Hang up."""
        with suppress(RefusedError):  # it is over
            await self.post(f"/v1/realtime/calls/{self.pc_id}/hangup")
