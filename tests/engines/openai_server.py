"""A server that speaks OpenAI's protocol, by script, in a thread of its own: `with OpenAiServer() as server:`."""

import json
import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

FOREVER = 1e9


class OpenAiServer:
    """Answers each request with the next of `replies`, the last one again and again.

    A reply is a status, or a list of what the stream holds: text, a float (a wait in seconds), a list of tool call
    deltas, a whole delta, or a finish reason as ("stop",). A stream whose last piece is no finish reason breaks off.
    """

    def __init__(self, *replies, models=200):
        self.replies = list(replies) or [["Hello ", "there.", ("stop",)]]
        self.models = models
        self.requests = []
        self.keys = []
        self.dropped = threading.Event()
        self._gone = threading.Event()
        app = Starlette(
            routes=[
                Route("/v1/models", self._list),
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
            ]
        )
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}/v1"
        return self

    def __exit__(self, *_):
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()

    async def _list(self, request):
        self.keys.append(request.headers.get("authorization"))
        return JSONResponse({"object": "list", "data": []}, self.models)

    async def _complete(self, request):
        self.requests.append(await request.json())
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            reply = reply(self.requests[-1])
        if isinstance(reply, int):
            return JSONResponse({"error": {"message": f"scripted {reply}"}}, reply, {"retry-after-ms": "1"})
        return StreamingResponse(self._stream(reply), media_type="text/event-stream")

    async def _stream(self, pieces):
        import asyncio

        try:
            for piece in pieces:
                delta, reason = {}, None
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                    continue
                if isinstance(piece, str):
                    delta = {"content": piece}
                elif isinstance(piece, list):
                    delta = {"tool_calls": piece}
                elif isinstance(piece, dict):
                    delta = piece
                else:
                    (reason,) = piece
                choice = {"index": 0, "delta": delta, "finish_reason": reason}
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
                yield f"data: {json.dumps(chunk)}\n\n"
            if isinstance(pieces[-1], tuple):
                yield "data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.dropped.set()
            raise
