"""From speech probabilities to the beginning, the first sign of the end, and the end of speech.

Two thresholds and three durations; pure, fed frame by frame. The first sign of silence comes early (the response can be
prepared from there on), the end comes late enough not to cut a speaker short.
"""

from dataclasses import dataclass

from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.vad.contract import FRAME_SAMPLES, VadFrame
from voiceagent.session.events import SpeechPaused, SpeechStarted, SpeechStopped

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
STIRRING_FRAMES = 3
"""A sound that has lasted for longer without being speech is noise."""
NEAREST_S = FRAME_S / 2
"""A duration is reached by the frame whose end lies nearest to it."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities, and seconds that are rounded to the nearest whole frame of 32 ms."""

    onset: float
    """A frame at or above this is speech."""
    release: float
    """A frame below is silence; between the two, the previous state goes on."""
    onset_s: float
    pause_s: float
    stop_s: float


class Endpointer:
    """Watches one session's frames."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._limits = thresholds
        self._speaking = False
        self._stopped = True
        self._voiced_s = 0.0
        """Length of the run of speech frames up to now, while not speaking; of the whole speech, while speaking."""
        self._silent_s = 0.0
        """Time since the last speech frame."""
        self._stirred = 0
        """Frames up to now that are not silence, while not speaking."""

    def configure(self, thresholds: Thresholds) -> None:
        """Use other thresholds from the next frame on."""
        self._limits = thresholds

    def reset(self) -> None:
        """Begin again, as if nothing had been heard: what goes on is new speech."""
        self._speaking, self._stopped, self._voiced_s, self._stirred = False, True, 0.0, 0

    @property
    def speaking(self) -> bool:
        """Whether speech goes on."""
        return self._speaking

    @property
    def stirs(self) -> bool:
        """Whether what was heard last may be the beginning of speech: too short to tell."""
        return not self._speaking and 0 < self._stirred <= STIRRING_FRAMES

    @property
    def in_doubt(self) -> bool:
        """Whether speech has paused, and may have ended."""
        return not self._speaking and not self._stopped

    @property
    def silent_s(self) -> float:
        """Seconds of silence up to the last frame."""
        return self._silent_s

    def feed(self, frame: VadFrame) -> SpeechStarted | SpeechPaused | SpeechStopped | None:
        """Take one frame; return what it changes."""
        return self._in_speech(frame) if self._speaking else self._in_silence(frame)

    def _in_speech(self, frame: VadFrame) -> SpeechPaused | None:
        self._voiced_s += FRAME_S
        self._silent_s = self._silent_s + FRAME_S if frame.probability < self._limits.release else 0.0
        if self._silent_s < self._limits.pause_s - NEAREST_S:
            return None
        self._speaking, self._stirred = False, 0
        speech_s, self._voiced_s = self._voiced_s - self._silent_s, 0.0
        return SpeechPaused(frame.heard_at, speech_s)

    def _in_silence(self, frame: VadFrame) -> SpeechStarted | SpeechStopped | None:
        self._silent_s += FRAME_S
        self._stirred = self._stirred + 1 if frame.probability >= self._limits.release else 0
        self._voiced_s = self._voiced_s + FRAME_S if frame.probability >= self._limits.onset else 0.0
        if self._voiced_s >= self._limits.onset_s - NEAREST_S:
            self._speaking, self._stopped, self._silent_s = True, False, 0.0
            return SpeechStarted(frame.heard_at)
        if not self._stopped and self._silent_s >= self._limits.stop_s - NEAREST_S:
            self._stopped = True
            return SpeechStopped(frame.heard_at)
        return None
