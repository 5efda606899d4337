"""One RTVI client in conversation: its handshake, what it is told, what it asks for. It knows no transport."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from voiceagent import __version__
from voiceagent.config.doors import ReportedCalls
from voiceagent.doors.rtvi.call_messages import CallMessages
from voiceagent.doors.rtvi.desk import Desk
from voiceagent.doors.rtvi.envelope import (
    LEGACY_MAJOR,
    Payload,
    Request,
    RequestRefusedError,
    build,
    negotiated,
    parse,
    refusal,
)
from voiceagent.doors.rtvi.functions import ClientFunctions
from voiceagent.doors.rtvi.narrator import Narrator
from voiceagent.errors import VoiceAgentError
from voiceagent.session.coordinator import Session
from voiceagent.session.reports import Report, ResponseEnded, ToolUsed

log = logging.getLogger(__name__)

MOST_PER_S, BURST = 200, 400
"""Messages of a client: audio in pieces of 20 ms is 50 a second."""
MOST_HELD = 512
"""Messages kept for a client that is not ready; one that never is gets none."""
CAPABILITIES = {"audio_in": True, "video_in": False, "screen_in": False, "video_out": False, "metrics": True}


class RtviConversation:
    """Talks RTVI with one client; `send` gets the messages, and `hang_up` ends the connection.

    `also` is asked first whether it carries out a request; it may raise VoiceAgentError.
    """

    def __init__(
        self,
        session: Callable[[], Session],
        send: Callable[[Payload], None],
        hang_up: Callable[[], None],
        functions: ClientFunctions,
        models: dict[str, str],
        calls: ReportedCalls,
        also: Callable[[Request], bool] = lambda request: False,
    ) -> None:
        self._session = session
        self._send = send
        self._hang_up = hang_up
        self._functions = functions
        self._also = also
        self._loop = asyncio.get_running_loop()
        self._allowed, self._counted_at = float(BURST), self._loop.time()
        self.ready = False
        """Whether the client has said that it is."""
        self._held: deque[Payload] = deque(maxlen=MOST_HELD)
        self._complained = False
        self._calls = CallMessages(self._tell, calls, lambda name: name in functions.names)
        self.narrator = Narrator(self._tell, self._calls, models)
        self.desk = Desk(session, self.narrator, functions, send, hang_up)

    def report(self, report: Report) -> None:
        """Take a session's report."""
        if isinstance(report, ToolUsed) and report.running:
            self._functions.announce(report.name, report.call_id)
        elif isinstance(report, ResponseEnded):
            self._functions.forget()
        self.narrator.report(report)

    def receive(self, message: object) -> None:
        """Take a client's message and do what it asks for, or answer why not."""
        id = ""
        try:
            self._count()
            if (request := parse(message)) is None:
                return
            id = request.id
            if request.type == "client-ready":
                self._client_ready(request)
            elif not self._also(request):
                self.desk.carry_out(request)
        except VoiceAgentError as error:
            self._refuse(error, id)

    def _refuse(self, error: VoiceAgentError, id: str = "") -> None:
        """Tell the client what is wrong; the log is told once."""
        log.log(
            logging.DEBUG if self._complained else logging.INFO,
            "a message of an RTVI client was refused",
            extra={"session": self._session().id, "reason": type(error).__name__},
        )
        self._complained = True
        self._send(refusal(error, id))

    def _count(self) -> None:
        """Count a message against the clock; a client that sends them without end must go."""
        now = self._loop.time()
        self._allowed = min(BURST, self._allowed + (now - self._counted_at) * MOST_PER_S) - 1
        self._counted_at = now
        if self._allowed < 0:
            self._hang_up()
            raise RequestRefusedError(f"More than {MOST_PER_S} messages came in a second: the session ends.")

    def _client_ready(self, request: Request) -> None:
        version, complaint = negotiated(request.data.get("version"))
        if complaint is not None:
            self._refuse(RequestRefusedError(complaint), request.id)
        self.narrator.legacy = self._calls.legacy = int(version.partition(".")[0]) == LEGACY_MAJOR
        about = {"library": "voiceagent", "library_version": __version__}
        capabilities = {**CAPABILITIES, "audio_out": self._session().config.speak}
        self._send(build("bot-ready", {"version": version, "about": about, "capabilities": capabilities}, request.id))
        self.ready = True
        while self._held:
            self._send(self._held.popleft())

    def _tell(self, message: Payload) -> None:
        if self.ready:
            self._send(message)
        else:
            self._held.append(message)
