"""What a door asks of the process, in virtual time: scripted engines behind the real scheduler and policy."""

from voiceagent.app.speech_streams import SpeechStreams
from voiceagent.doors.host import Abilities
from voiceagent.engines.contract import Need
from voiceagent.testing import Callers


class VirtualHost:
    """A host without an agent. Callers may talk at the same time: `callers.call()`."""

    def __init__(self, streams=4, **given):
        self.callers = Callers("scripted.yaml", ["session.greeting=''", "session.idle_s=0"], **given)
        self.engines = self.callers.engines
        self.config = self.callers.config
        self.metrics = self.callers.metrics
        self.lent = 0
        self._speech = SpeechStreams(streams, lambda: False, dict, self._count)

    @property
    def abilities(self):
        asr, tts = self.engines.asr, self.engines.tts
        return Abilities(asr.languages, tts.languages, tts.voices, tts.sample_rate)

    def open_recogniser(self, on_event, need=Need.PROMISED):
        return self._speech.recogniser(self.engines.asr, on_event, need)

    def open_voice(self, on_event):
        return self._speech.voice(self.engines.tts, on_event)

    def open_model(self, on_event):
        return self._speech.model(self.engines.llm, on_event)

    def open_detector(self, on_event):
        return self.engines.vad.open(on_event)

    def close(self):
        self.callers.close()

    def _count(self, lent):
        self.lent = lent
