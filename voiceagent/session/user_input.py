"""What listens to the user in one session: voice activity, the recogniser and the turn detector.

It feeds audio to their streams and turns their results into events. It decides nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.pcm import Pcm
from voiceagent.engines.asr.contract import AsrEvent, Transcript
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.turn.contract import TurnEvent, TurnPrediction
from voiceagent.engines.vad.contract import VadEvent, VadFrame
from voiceagent.errors import VoiceAgentError
from voiceagent.session import events as ev
from voiceagent.session.agent_voice import AgentVoice
from voiceagent.session.config import ConversationConfig
from voiceagent.session.engines import Engines
from voiceagent.session.held_audio import HeldAudio
from voiceagent.session.nearby import Nearby
from voiceagent.session.recent_audio import RecentAudio
from voiceagent.session.turns import TurnLog

ByHand = type[ev.TurnCommitted] | type[ev.TurnDiscarded]
"""What the user does by hand about a turn."""
STIRS_S = 0.1
"""A sound is no sign of what comes next for longer; microphones fall silent, and lines break."""


class UnusableError(VoiceAgentError):
    """A model returned an invalid result."""


class UserInput:
    """The user's side of a session. `post` gets events, `failed` the engine's lane and its error.

    Raises VoiceAgentError when an engine has no place left.
    """

    def __init__(
        self,
        engines: Engines,
        config: ConversationConfig,
        turns: TurnLog,
        agent: AgentVoice,
        post: Callable[[ev.Event], None],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self._turns = turns
        self._agent = agent
        self._post = post
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._endpointer = Nearby(config)
        self._recent = RecentAudio()
        self._by_hand = config.rules.manual
        """Turns are ended by hand."""
        self._held = HeldAudio[ByHand](self._detect, self._recognise, self._end_turn)
        self._spoken = self._spoken_since_fork = False
        """Whether speech was detected since the last turn, and since the last fork."""
        self._spoken_until = 0.0
        """When the sound before the last fork ended."""
        self._judged_at = 0.0
        """When the last frame was judged."""
        self._open_vad = partial(engines.vad.open, self._on_vad)
        with ExitStack() as opened:  # free what the others gave
            self.asr = engines.asr.open(self._on_asr)
            opened.callback(self.asr.close)
            self.vad = self._open_vad()
            opened.callback(self.vad.close)
            self.turn = engines.turn.open(self._on_turn) if engines.turn else None
            opened.pop_all()

    @property
    def streams(self) -> set[tuple[str, int]]:
        """Lanes and numbers of the streams, as batches name them."""
        streams = {("asr", self.asr.number), ("vad", self.vad.number)}
        return streams | {("turn", self.turn.number)} if self.turn else streams

    def is_quiet(self) -> bool:
        """Return whether the user is not about to speak, as far as the last frame tells, if it is new."""
        return not self._endpointer.stirs or self._loop.time() - self._judged_at > STIRS_S

    def configure(self, config: ConversationConfig) -> None:
        """Use other thresholds for speech and silence, and have turns ended by hand, or not."""
        self._endpointer.adopt(config)
        if self._by_hand and not config.rules.manual:
            self._held.release()
        self._by_hand = config.rules.manual
        self._agent.language = config.language

    def hear(self, pcm: NDArray[np.float32]) -> None:
        """Take 16 kHz mono float32, in order, silence included."""
        self._recent.push(pcm)
        self._agent.hear(pcm)
        if self._by_hand:
            self._held.push(pcm)
        else:
            self._endpointer.hear(pcm, self._loop.time())
            self.asr.push(pcm)
            self.vad.push(pcm, self._loop.time())

    def end_turn(self, how: ByHand) -> None:
        """End the turn with what was heard up to now, or forget it."""
        if self._by_hand:
            self._held.end(how)
        else:
            self._end_turn(how)

    def finalise(self, fork: int, deadline: float) -> None:
        """Have the turn so far transcribed on a fork."""
        self._spoken_since_fork = False
        self._spoken_until = self._loop.time() - self._endpointer.silent_s
        if self._spoken:
            self.asr.finalise(fork, deadline)
        else:  # recognisers understand something even in silence
            self._post(ev.FinalTranscript(self._loop.time(), fork, ""))

    def judge(self, fork: int, deadline: float) -> None:
        """Ask whether the turn sounds finished, if there is a turn detector."""
        if self.turn is not None:
            self.turn.predict(fork, self._recent.latest(), deadline)

    def commit(self) -> None:
        """Let the recogniser forget what was heard up to the last fork."""
        self.asr.commit()
        self._agent.commit()
        self._endpointer.forget()
        self._spoken = self._spoken_since_fork
        if self._endpointer.speaking and not self._spoken:  # the turn was ended by its length
            self._spoken = self._spoken_since_fork = True
            self.asr.begin_speech()
        self._held.go_on()

    def close(self) -> None:
        """End all streams, even if one of them raises."""
        with ExitStack() as closing:
            for stream in (self.asr, self.vad, self.turn):
                if stream is not None:
                    closing.callback(stream.close)

    def _detect(self, pcm: Pcm) -> None:
        self.vad.push(pcm, self._loop.time())

    def _recognise(self, pcm: Pcm) -> None:
        self.asr.push(pcm)

    def _end_turn(self, how: ByHand) -> None:
        now = self._loop.time()
        if how is ev.TurnCommitted and (self._by_hand or not self._endpointer.in_doubt):
            self._turns.silence(now, now)
        self._endpointer.reset()
        self._post(how(now))

    def _on_vad(self, event: VadEvent) -> None:
        if isinstance(event, VadFrame):
            self._held.judged()
            self._judged_at = self._loop.time()
            self._judge(event)
            self._held.advance()
        else:
            self._failed("vad", event.error)
            self._held.give_up()

    def _judge(self, frame: VadFrame) -> None:
        if not 0 <= frame.probability <= 1:
            self._failed("vad", UnusableError(f"a probability of {frame.probability}"))
            self.vad.close()  # a recurrent state that is not a number stays so
            self.vad = self._open_vad()
            self._held.give_up()
        elif (change := self._endpointer.feed(frame, agent_speaks=self._agent.speaks)) is not None:
            if isinstance(change, ev.SpeechStarted):
                self._spoken = self._spoken_since_fork = True
                self.asr.begin_speech()
                change = replace(change, own=self._agent.begins(change.at))
            elif isinstance(change, ev.SpeechPaused):
                self._turns.silence(change.at - self._endpointer.silent_s, change.at)
            self._post(change)
        elif self._endpointer.speaking and self._agent.rises(frame.heard_at):
            self._post(ev.SpeechStarted(frame.heard_at))

    def _on_asr(self, event: AsrEvent) -> None:
        now = self._loop.time()
        match event:
            case Transcript(text, None):
                text, own = self._agent.without_own(text, now, final=False)
                self._post(ev.PartialTranscript(now, text, own))
            case Transcript(text, fork) if fork is not None:
                self._turns.mark("transcript_final", now)
                text, own = self._agent.without_own(text, self._spoken_until, final=True)
                self._endpointer.learn(text)
                self._post(ev.FinalTranscript(now, fork, text, confidence=event.confidence, own=own))
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
