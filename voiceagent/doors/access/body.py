"""A request's body comes in time, or the request is refused: a client that sends a byte now and then holds nothing."""

from asyncio import get_running_loop, timeout_at

from starlette.types import Message, Receive

from voiceagent.doors.errors import TooSlowError

GRACE_S = 20.0
LEAST_BYTES_PER_S = 500.0
"""A body has `GRACE_S`, and a second more for every 500 bytes that have come; speech comes twice as fast."""


def in_time(receive: Receive) -> Receive:
    """Return `receive` for one request; it raises TooSlowError while a body comes too slowly."""
    received, over, due = 0, False, 0.0

    async def next_piece() -> Message:
        nonlocal received, over, due
        if over:  # what is awaited now is the end of the connection
            return await receive()
        due = due or get_running_loop().time() + GRACE_S
        try:
            async with timeout_at(due + received / LEAST_BYTES_PER_S):
                message = await receive()
        except TimeoutError as error:
            raise TooSlowError("too_slow", f"The body came too slowly: {received} bytes of it in time.") from error
        received += len(message.get("body", b""))
        over = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return next_piece
