"""Where a client may put its token: a header, a WebSocket subprotocol, or a parameter of the address."""

from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Message, Scope

PARAMETER = "token"
SUBPROTOCOLS = ("voiceagent-token.", "openai-insecure-api-key.")
"""Before the token in a WebSocket's subprotocols, since browsers can give a WebSocket no header."""


def take_credentials(scope: Scope) -> list[str]:
    """Return the tokens that a request carries. Those of its address and subprotocols are taken out of the scope: they
    reach no log, and no door chooses one as its protocol.
    """
    words = [header.partition(" ") for header in Headers(scope=scope).getlist("authorization")]
    found = [token.strip() for scheme, _, token in words if scheme.lower() == "bearer"]
    query = scope["query_string"].decode("latin-1").split("&")
    given = [part for part in query if part.partition("=")[0] == PARAMETER]
    if given:
        found += [value for part in given for _, value in parse_qsl(part)]
        scope["query_string"] = "&".join(part for part in query if part not in given).encode("latin-1")
    if scope["type"] == "websocket":
        offered = scope.get("subprotocols", [])
        found += [name[len(start) :] for name in offered for start in SUBPROTOCOLS if name.startswith(start)]
        scope["subprotocols"] = [name for name in offered if not name.startswith(SUBPROTOCOLS)]
    return found


def with_subprotocol(message: Message, offered: list[str]) -> Message:
    """Return a door's `websocket.accept` with a subprotocol where the client offered some and the door chose none.

    Browsers close a WebSocket whose server chooses none. `offered` are all that the client offered, its token's too.
    """
    if message["type"] != "websocket.accept" or message.get("subprotocol") or not offered:
        return message
    if not any(name.startswith(SUBPROTOCOLS) for name in offered):
        return message
    plain = [name for name in offered if not name.startswith(SUBPROTOCOLS)]
    return {**message, "subprotocol": (plain or offered)[0]}
