"""Whether the process can serve anybody at all: its engines are loaded and work."""

from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.host import Host
from voiceagent.engines.names import name_of

LOADING_RETRY_S, DRAINING_RETRY_S, OUT_OF_ORDER_RETRY_S = 2, 2, 10
"""Models load soon, and the next server does; an unhealthy lane stays so for longer, or for good."""


def require_health(host: Host, *, draining: bool = False) -> None:
    """Raise UnavailableError while an engine is not ready or not healthy, or where the server is to end."""
    if draining:
        raise UnavailableError("draining", "This server is being stopped. Try again.", DRAINING_RETRY_S)
    if troubles := host.troubles():
        words = " ".join(f"The {name_of(engine)} is not working: {why}" for engine, why in troubles.items())
        raise UnavailableError("out_of_order", words, OUT_OF_ORDER_RETRY_S)
    waiting = [name_of(engine) for engine, ready in host.readiness().items() if not ready]
    if waiting:
        words = f"Still loading: {', '.join(waiting)}. Try again in a moment."
        raise UnavailableError("not_ready", words, LOADING_RETRY_S)
