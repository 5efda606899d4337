"""A client of the services: its WebSocket, and errors in the form that the services have."""

import logging

from starlette.websockets import WebSocket

from voiceagent.doors.wire import TRY_AGAIN, Wire
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)


class ServiceWire(Wire):
    """One client's WebSocket, accepted."""

    def __init__(self, socket: WebSocket, service: str) -> None:
        super().__init__(socket, '{"type": "reset"}')
        self._service = service
        self._refused = False

    async def refuse(self, error: VoiceAgentError, **more: object) -> None:
        """Send an error in the services' form; the first one of a client is logged."""
        if not self._refused:
            self._refused = True
            log.info("a message to the %s service is refused", self._service, extra={"reason": str(error)})
        await self.send({"type": "error", "message": str(error), **more})

    async def turn_away(self, error: VoiceAgentError, **more: object) -> None:
        """Send an error and close: there is no place for this client now."""
        log.info("a client of the %s service is turned away", self._service, extra={"reason": str(error)})
        await self.send({"type": "error", "message": str(error), **more})
        await self._socket.close(TRY_AGAIN)
