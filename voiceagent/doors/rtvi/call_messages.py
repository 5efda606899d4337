"""The calls of tools, as a client sees them: as much of each as it may know, begun, and ended once."""

import json
from collections.abc import Callable

from voiceagent.config.doors import ReportedCalls
from voiceagent.doors.rtvi.envelope import Payload, build
from voiceagent.session.reports import ToolUsed


class CallMessages:
    """Tells one client of calls: everything of those that are its `own`, of the server's as much as `level` says."""

    def __init__(self, send: Callable[[Payload], None], level: ReportedCalls, own: Callable[[str], bool]) -> None:
        self.legacy = False
        """Whether the client is of major version 1, and knows its functions' calls by another message."""
        self._send = send
        self._level = level
        self._own = own
        self._under_way: dict[str, str] = {}
        """Names by call id."""

    def report(self, report: ToolUsed) -> None:
        """Tell that a call begins, or of its result."""
        if not report.running:
            result = report.result if report.error is None else f"Error: {report.error}"
            self._stopped(report.call_id, report.name, result)
            return
        self._under_way[report.call_id] = report.name
        known = self._known(report.name)
        self._send(build("llm-function-call-started", known))
        if self.legacy and self._own(report.name):
            data = {"tool_call_id": report.call_id, **known, "args": _arguments(report.arguments)}
            self._send(build("llm-function-call", data))
            return
        data = {"tool_call_id": report.call_id, **known}
        if self._knows_all(report.name):
            data["arguments"] = _arguments(report.arguments)
        self._send(build("llm-function-call-in-progress", data))

    def abandon(self) -> None:
        """Tell that the calls still under way are awaited no longer."""
        for call_id, name in list(self._under_way.items()):
            self._stopped(call_id, name, None, cancelled=True)

    def _stopped(self, call_id: str, name: str, result: str | None, *, cancelled: bool = False) -> None:
        if self._under_way.pop(call_id, None) is None:
            return
        data = {"tool_call_id": call_id, "cancelled": cancelled, **self._known(name)}
        if result is not None and self._knows_all(name):
            data["result"] = result
        self._send(build("llm-function-call-stopped", data))

    def _known(self, name: str) -> Payload:
        return {} if self._level == "none" and not self._own(name) else {"function_name": name}

    def _knows_all(self, name: str) -> bool:
        return self._level == "full" or self._own(name)


def _arguments(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return {}
