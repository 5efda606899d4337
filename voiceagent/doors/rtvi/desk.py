"""What a client asks for, done with its session, and answered where RTVI has an answer."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from voiceagent.doors.rtvi.envelope import Payload, Request, RequestRefusedError, build
from voiceagent.doors.rtvi.functions import ClientFunctions
from voiceagent.doors.rtvi.narrator import Narrator
from voiceagent.doors.rtvi.session_config import configured
from voiceagent.session.coordinator import Session

MAX_TEXT_CHARS = 4_000
"""The longest message a user may type."""


class Desk:
    """Carries out one client's requests."""

    def __init__(
        self,
        session: Callable[[], Session],
        narrator: Narrator,
        functions: ClientFunctions,
        send: Callable[[Payload], None],
        hang_up: Callable[[], None],
    ) -> None:
        self._session = session
        self._narrator = narrator
        self._functions = functions
        self._send = send
        self._hang_up = hang_up
        self._carry_out: dict[str, Callable[[Request], None]] = {
            "send-text": self._send_text,
            "append-to-context": partial(self._send_text, at_once=False),
            "client-message": self._client_message,
            "llm-function-call-result": self._function_result,
            "dtmf": self._press,
            "disconnect-bot": lambda request: self._hang_up(),
        }
        self._client_messages: dict[str, Callable[[Any], object]] = {
            "configure": self.configure,
            "say": self._say,
            "interrupt": lambda data: self._session().stop_speaking(),
        }

    def carry_out(self, request: Request) -> None:
        """Do it. Raises RequestRefusedError for what cannot be done, other VoiceAgentErrors of the session."""
        if (action := self._carry_out.get(request.type)) is None:
            known = ", ".join(self._carry_out)
            raise RequestRefusedError(f"This server does not take {request.type[:40]!r}; it takes {known}.")
        action(request)

    def configure(self, wanted: object) -> Payload:
        """Configure the session from the next turn on; return what of it was not understood."""
        if not isinstance(wanted, dict):
            raise RequestRefusedError('configure takes an object such as {"system_prompt": "..."}.')
        session = self._session()
        names = self._functions.names
        config, ignored = configured(session.config, wanted, self._functions)
        try:
            session.configure(config)
        except Exception:
            self._functions.names = names
            raise
        return {"ignored": ignored}

    def _send_text(self, request: Request, at_once: bool = True) -> None:
        content, options = request.data.get("content"), request.data.get("options") or {}
        if not isinstance(content, str) or not content.strip() or len(content) > MAX_TEXT_CHARS:
            raise RequestRefusedError(f"{request.type} needs a content: 1 to {MAX_TEXT_CHARS} characters of text.")
        if not isinstance(options, dict) or not all(isinstance(value, bool) for value in options.values()):
            raise RequestRefusedError("The options of send-text are run_immediately and audio_response, true or false.")
        at_once = options.get("run_immediately", request.data.get("run_immediately") is True or at_once)
        if not at_once:
            self._session().remember("user", content)
            return
        session = self._session()
        usual = session.config
        in_writing = usual.speak and not options.get("audio_response", True)
        self._narrator.typed = request.id
        try:
            if in_writing:
                session.configure(replace(usual, speak=False))
            session.type(content)
        finally:
            self._narrator.typed = None
            if in_writing:
                session.configure(usual)

    def _press(self, request: Request) -> None:
        keys = request.data.get("buttons", [request.data.get("button")])
        if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and len(key) == 1 for key in keys):
            raise RequestRefusedError('dtmf needs "buttons", a list of keys such as "1" or "#".')
        self._session().press("".join(keys))

    def _client_message(self, request: Request) -> None:
        kind, data = request.data.get("t"), request.data.get("d")
        action = self._client_messages.get(kind) if isinstance(kind, str) else None
        if action is None:
            known = ", ".join(self._client_messages)
            raise RequestRefusedError(f"There is no client message {str(kind)[:40]!r}; there are {known}.")
        self._send(build("server-response", {"t": kind, "d": action(data)}, request.id))

    def _say(self, data: object) -> None:
        text = data.get("text") if isinstance(data, dict) else None
        interrupt = data.get("interrupt", False) if isinstance(data, dict) else False
        if not isinstance(text, str) or len(text) > MAX_TEXT_CHARS or not isinstance(interrupt, bool):
            raise RequestRefusedError(
                f'say takes {{"text": "...", "interrupt": false}}, at most {MAX_TEXT_CHARS} characters.'
            )
        self._session().say(text, interrupt=interrupt)

    def _function_result(self, request: Request) -> None:
        if "result" not in request.data:
            raise RequestRefusedError("llm-function-call-result needs the tool_call_id of the call, and a result.")
        self._functions.settle(request.data.get("tool_call_id"), request.data["result"])
