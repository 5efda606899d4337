"""Responses apart from the conversation (`conversation: "none"`): text, and in nobody's way."""

from collections.abc import Callable

from voiceagent.doors.realtime.outbox import Outbox, Wire
from voiceagent.doors.realtime.response import Response, cut_short, failed, usage_of
from voiceagent.session.events import Outcome
from voiceagent.session.reports import AsideEnded


class Apart:
    """One client's responses apart, by the session's number of the request."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._under_way: dict[int, Response] = {}
        self._early: AsideEnded | None = None
        """The end of one that failed at once."""

    def begin(self, shown: Wire, respond: Callable[[], int]) -> None:
        """Ask for one by `respond`, the session's. Raises what that raises."""
        request = respond()
        self._under_way[request] = Response(self._outbox, None, {**shown, "output_modalities": ["text"]})
        if self._early is not None:
            early, self._early = self._early, None
            self.ended(early)

    def request_of(self, response_id: str | None) -> int | None:
        """Return the request of a response under way."""
        return next((request for request, response in self._under_way.items() if response.id == response_id), None)

    def ended(self, end: AsideEnded) -> None:
        """The session has made it, or not."""
        response = self._under_way.pop(end.request, None)
        if response is None:
            self._early = end
            return
        whole = end.outcome is Outcome.COMPLETED and not end.cut
        if end.text:
            response.begin_message()
            response.write(end.text)
            response.end_message("completed" if whole else "incomplete")
        usage = usage_of(end.usage)
        if end.outcome is Outcome.FAILED:
            response.end("failed", failed("The language model failed."), usage)
        elif end.outcome is Outcome.COMPLETED:
            response.end(*cut_short(end.cut), usage)
        else:
            response.end("cancelled", {"type": "cancelled", "reason": "client_cancelled"}, usage)
