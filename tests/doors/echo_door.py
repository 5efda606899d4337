"""A door for tests of what stands before every door: the page, and a WebSocket that says how it was reached."""

from starlette.routing import WebSocketRoute

from voiceagent.doors.page.door import PageDoor


class Echo(PageDoor):
    """Answers each text with itself, after a first message."""

    @property
    def routes(self):
        return [*super().routes, WebSocketRoute("/echo", self.echo), WebSocketRoute("/v1/realtime", self.echo)]

    async def echo(self, socket):
        await socket.accept()
        attached = self.context.access.attached(socket)
        await socket.send_json(
            {"query": socket.url.query, "attached": attached, "offered": socket.scope["subprotocols"]}
        )
        async for text in socket.iter_text():
            await socket.send_text(text)
