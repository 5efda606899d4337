"""One response, as the protocol tells it: an item is added, a part of it, text and audio in pieces, all of it is done.

It knows the order of the events and the ids; it does not know when anything happens.
"""

from typing import Any

from voiceagent.doors.realtime.conversation import Conversation, Entry, Spoken, item, message
from voiceagent.doors.realtime.outbox import Outbox, Wire, new_id
from voiceagent.session.reports import Usage


class Response:
    """A response under way. `shown` is what the client is told of how it is made (modalities, audio, metadata)."""

    def __init__(self, outbox: Outbox, conversation: Conversation | None, shown: Wire) -> None:
        self.id = new_id("resp")
        self.message: Entry | None = None
        """What is being said, while it is."""
        self._outbox = outbox
        self._conversation = conversation
        """None: the items are in no conversation."""
        self._shown = shown
        self._spoken = False
        self._entries: list[Entry] = []
        self._text = ""
        outbox.emit("response.created", response=self._wire("in_progress"))

    @property
    def spoken(self) -> bool:
        """Whether its last message is heard."""
        return self._spoken

    def begin_message(self, spoken: Spoken | None = None) -> Entry:
        """Begin to say something aloud (`spoken`), or to write it."""
        self._text = ""
        self._spoken = spoken is not None
        entry = self._begin(message("assistant", [], "in_progress"))
        self.message = entry
        entry.spoken = spoken
        self._emit("content_part.added", content_index=0, part=self._part(""))
        return entry

    def write(self, delta: str) -> None:
        """Tell more of its text."""
        self._text += delta
        self._emit(
            "output_audio_transcript.delta" if self._spoken else "output_text.delta", content_index=0, delta=delta
        )

    def sound(self, audio: str) -> None:
        """Send more of its audio, base64."""
        self._emit("output_audio.delta", content_index=0, delta=audio)

    def end_message(self, status: str = "completed", text: str | None = None) -> None:
        """What is being said is over; `text` is what remains of it, if not all."""
        if (entry := self.message) is None:
            return
        text = self._text if text is None else text
        if self._spoken:
            self._emit("output_audio.done", content_index=0)
            self._emit("output_audio_transcript.done", content_index=0, transcript=text)
        else:
            self._emit("output_text.done", content_index=0, text=text)
        self._emit("content_part.done", content_index=0, part=self._part(text))
        entry.wire |= {"status": status, "content": [content(text, spoken=self._spoken)]}
        self._end(entry)
        self.message = None

    def call(self, call_id: str, name: str, arguments: str) -> None:
        """Have the client run a tool."""
        called = item("function_call", status="in_progress", call_id=call_id, name=name, arguments="")
        entry = self._begin(called)
        self._emit("function_call_arguments.delta", entry, call_id=call_id, delta=arguments)
        self._emit("function_call_arguments.done", entry, call_id=call_id, name=name, arguments=arguments)
        entry.wire |= {"status": "completed", "arguments": arguments}
        self._end(entry)

    def end(self, status: str, details: Wire | None = None, usage: Wire | None = None) -> None:
        """The response is over."""
        self._outbox.emit("response.done", response=self._wire(status, details, usage))

    def _begin(self, wire: Wire) -> Entry:
        entry = Entry(wire)
        self._entries.append(entry)
        self._outbox.emit(
            "response.output_item.added", response_id=self.id, output_index=len(self._entries) - 1, item=wire
        )
        if self._conversation is not None:
            self._conversation.add(entry, done=False)
        return entry

    def _end(self, entry: Entry) -> None:
        if self._conversation is not None:
            self._conversation.tell("done", entry)
        index = self._entries.index(entry)
        self._outbox.emit("response.output_item.done", response_id=self.id, output_index=index, item=entry.wire)

    def _emit(self, kind: str, entry: Entry | None = None, **fields: Any) -> None:
        entry = entry or self.message
        assert entry is not None
        index = self._entries.index(entry)
        self._outbox.emit(f"response.{kind}", response_id=self.id, item_id=entry.id, output_index=index, **fields)

    def _part(self, text: str) -> Wire:
        return {"type": "audio", "transcript": text} if self._spoken else {"type": "text", "text": text}

    def _wire(self, status: str, details: Wire | None = None, usage: Wire | None = None) -> Wire:
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "output": [entry.wire for entry in self._entries],
            "conversation_id": self._conversation.id if self._conversation is not None else None,
            "usage": usage,
            **self._shown,
        }


def usage_of(usage: Usage | None) -> Wire | None:
    """Return the tokens of a response as clients count them; all of them are text, since audio is no tokens here."""
    if usage is None:
        return None
    return {
        "total_tokens": usage.read + usage.written,
        "input_tokens": usage.read,
        "output_tokens": usage.written,
        "input_token_details": {"text_tokens": usage.read, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": usage.written, "audio_tokens": 0},
    }


def cut_short(cut: bool) -> tuple[str, Wire | None]:
    """Return the status and details of a response that has ended by itself: whole, or at its length."""
    return ("incomplete", {"type": "incomplete", "reason": "max_output_tokens"}) if cut else ("completed", None)


def failed(message: str | None) -> Wire:
    """Return the details of a response that failed."""
    return {"type": "failed", "error": {"type": "server_error", "code": "model_failed", "message": message}}


def content(text: str, *, spoken: bool) -> Wire:
    """Return the content of something the agent said or wrote."""
    return {"type": "output_audio", "transcript": text} if spoken else {"type": "output_text", "text": text}
