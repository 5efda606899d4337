"""What listens to the user in one session: voice activity, the recogniser and the turn detector.

It feeds audio to their streams and turns their results into events. It decides nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import AsrEngine, AsrEvent, Transcript
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.turn.contract import TurnEngine, TurnEvent, TurnPrediction
from voiceagent.engines.vad.contract import VadEngine, VadEvent
from voiceagent.errors import VoiceAgentError
from voiceagent.session import events as ev
from voiceagent.session.endpointing import Endpointer, Thresholds
from voiceagent.session.recent_audio import RecentAudio
from voiceagent.session.turns import TurnLog


class UnusableError(VoiceAgentError):
    """A model returned an invalid result."""


class UserInput:
    """The user's side of a session. `post` gets events, `failed` the engine's lane and its error.

    Raises VoiceAgentError when an engine has no place left.
    """

    def __init__(
        self,
        asr: AsrEngine,
        vad: VadEngine,
        turn: TurnEngine | None,
        thresholds: Thresholds,
        turns: TurnLog,
        post: Callable[[ev.Event], None],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self._turns = turns
        self._post = post
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._endpointer = Endpointer(thresholds)
        self._recent = RecentAudio()
        self._open_vad = partial(vad.open, self._on_vad)
        with ExitStack() as opened:  # free what the others gave
            self.asr = asr.open(self._on_asr)
            opened.callback(self.asr.close)
            self.vad = self._open_vad()
            opened.callback(self.vad.close)
            self.turn = turn.open(self._on_turn) if turn else None
            opened.pop_all()

    @property
    def streams(self) -> set[tuple[str, int]]:
        """Lanes and numbers of the streams, as batches name them."""
        streams = {("asr", self.asr.number), ("vad", self.vad.number)}
        return streams | {("turn", self.turn.number)} if self.turn else streams

    def configure(self, thresholds: Thresholds) -> None:
        """Use other thresholds for speech and silence."""
        self._endpointer.configure(thresholds)

    def hear(self, pcm: NDArray[np.float32]) -> None:
        """Take 16 kHz mono float32, in order, silence included."""
        self._recent.push(pcm)
        self.asr.push(pcm)
        self.vad.push(pcm, self._loop.time())

    def finalise(self, fork: int, deadline: float) -> None:
        """Have the turn so far transcribed on a fork."""
        self.asr.finalise(fork, deadline)

    def judge(self, fork: int, deadline: float) -> None:
        """Ask whether the turn sounds finished, if there is a turn detector."""
        if self.turn is not None:
            self.turn.predict(fork, self._recent.latest(), deadline)

    def commit(self) -> None:
        """Let the recogniser forget what was heard up to the last fork."""
        self.asr.commit()

    def close(self) -> None:
        """End all streams, even if one of them raises."""
        with ExitStack() as closing:
            for stream in (self.asr, self.vad, self.turn):
                if stream is not None:
                    closing.callback(stream.close)

    def _on_vad(self, event: VadEvent) -> None:
        if isinstance(event, StreamFailed):
            self._failed("vad", event.error)
        elif not 0 <= event.probability <= 1:
            self._failed("vad", UnusableError(f"a probability of {event.probability}"))
            self.vad.close()  # a recurrent state that is not a number stays so
            self.vad = self._open_vad()
        elif (change := self._endpointer.feed(event)) is not None:
            if isinstance(change, ev.SpeechStarted):
                self.asr.begin_speech()
            elif isinstance(change, ev.SpeechPaused):
                self._turns.silence(change.at - self._endpointer.silent_s, change.at)
            self._post(change)

    def _on_asr(self, event: AsrEvent) -> None:
        now = self._loop.time()
        match event:
            case Transcript(text, None):
                self._post(ev.PartialTranscript(now, text))
            case Transcript(text, fork) if fork is not None:
                self._turns.mark("transcript_final", now)
                self._post(ev.FinalTranscript(now, fork, text, confidence=event.confidence))
            case StreamFailed(fork, error):
                self._failed("asr", error)
                self._post(ev.FinalTranscript(now, fork, "", failed=True))

    def _on_turn(self, event: TurnEvent) -> None:
        now = self._loop.time()
        match event:
            case TurnPrediction(_, probability) if not 0 <= probability <= 1:
                self._failed("turn", UnusableError(f"a probability of {probability}"))
            case TurnPrediction(fork, probability):
                self._post(ev.TurnJudged(now, fork, probability))
            case StreamFailed(_, error):
                self._failed("turn", error)  # the end-of-turn timer ends the turn
