"""The user's side of the protocol: when speech begins and ends, the item it becomes, and its transcript."""

from voiceagent.doors.realtime.conversation import Conversation, Entry, message
from voiceagent.doors.realtime.outbox import Outbox, new_id
from voiceagent.engines.asr.contract import SAMPLE_RATE


class Listening:
    """One user, turn by turn. Positions are ms of all the audio that has come."""

    def __init__(self, outbox: Outbox, conversation: Conversation) -> None:
        self.detects = True
        """Whether turns are detected here; else the client says when one is over."""
        self.transcribes = True
        """Whether the client is told what was understood."""
        self.onset_ms = 0.0
        """How long a sound is speech before that is known, and what is to be included before it."""
        self._outbox = outbox
        self._conversation = conversation
        self._heard = 0
        self._begun_at = 0.0
        self._stopped_at = 0.0
        self._turn_from = 0
        """Samples before the turn."""
        self._item: str | None = None
        """The turn's item, from the first sound on."""
        self._entry: Entry | None = None
        """It, once the turn is over."""

    @property
    def unheard_ms(self) -> float:
        """How much has come since the last turn."""
        return (self._heard - self._turn_from) * 1000 / SAMPLE_RATE

    @property
    def _now_ms(self) -> float:
        return self._heard * 1000 / SAMPLE_RATE

    def hear(self, samples: int) -> None:
        """So much audio has come, at 16 kHz."""
        self._heard += samples

    def started(self) -> None:
        """The user began to speak, or goes on."""
        if self._item is None:
            self._item = new_id("item")
            self._begun_at = max(0.0, self._now_ms - self.onset_ms)
            self._tell("speech_started", audio_start_ms=self._begun_at)
        self._stopped_at = self._now_ms

    def stopped(self) -> None:
        """The user is silent; the turn may go on."""
        self._stopped_at = self._now_ms

    def commit(self) -> None:
        """The turn is over; it becomes an item, whose transcript follows."""
        if self._entry is not None:
            return
        if self._item is not None:
            self._tell("speech_stopped", audio_end_ms=self._stopped_at)
        previous = self._conversation.last_id
        wire = message("user", [{"type": "input_audio", "transcript": None}], item_id=self._item)
        self._outbox.emit("input_audio_buffer.committed", previous_item_id=previous, item_id=wire["id"])
        self._entry = Entry(wire)
        self._conversation.add(self._entry)

    def understood(self, text: str, memory: str | None) -> None:
        """What was said in the turn, which the session calls `memory`; commits it, unless the client has."""
        self.commit()
        entry, seconds = self._end_turn()
        entry.memory = memory
        entry.wire["content"] = [{"type": "input_audio", "transcript": text}]
        if self.transcribes:
            fields = {"item_id": entry.id, "content_index": 0}
            self._outbox.emit("conversation.item.input_audio_transcription.delta", **fields, delta=text)
            self._outbox.emit(
                "conversation.item.input_audio_transcription.completed",
                **fields,
                transcript=text,
                usage={"type": "duration", "seconds": seconds},
            )

    def nothing(self, *, failed: bool) -> None:
        """What was heard has no words in it, or the recogniser `failed` at them: no turn, unless the client says so."""
        if self._entry is not None and not failed:
            self.understood("", None)
        elif self._entry is not None:
            entry, _ = self._end_turn()
            error = {"type": "server_error", "code": "recogniser_failed", "message": "The recogniser failed."}
            self._outbox.emit(
                "conversation.item.input_audio_transcription.failed", item_id=entry.id, content_index=0, error=error
            )
        elif self._item is not None:
            self._tell("speech_stopped", audio_end_ms=self._stopped_at)
            self._item = None
            self._turn_from = self._heard

    def _end_turn(self) -> tuple[Entry, float]:
        """Return the turn's item and its seconds, and begin the next turn."""
        entry, self._entry, self._item = self._entry, None, None
        assert entry is not None
        seconds = round((self._heard - self._turn_from) / SAMPLE_RATE, 3)
        self._turn_from = self._heard
        return entry, seconds

    def discard(self) -> None:
        """The client has what was heard forgotten."""
        self._item = None
        self._turn_from = self._heard
        self._outbox.emit("input_audio_buffer.cleared")

    def timed_out(self) -> None:
        """Nobody has spoken for the idle time-out: an item without words."""
        wire = message("user", [{"type": "input_audio", "transcript": ""}])
        span = {"audio_start_ms": round(self._turn_from * 1000 / SAMPLE_RATE), "audio_end_ms": round(self._now_ms)}
        self._outbox.emit("input_audio_buffer.timeout_triggered", item_id=wire["id"], **span)
        self._outbox.emit(
            "input_audio_buffer.committed", previous_item_id=self._conversation.last_id, item_id=wire["id"]
        )
        self._conversation.add(Entry(wire))

    def _tell(self, what: str, **at: float) -> None:
        if self.detects:
            fields = {name: round(ms) for name, ms in at.items()}
            self._outbox.emit(f"input_audio_buffer.{what}", item_id=self._item, **fields)
