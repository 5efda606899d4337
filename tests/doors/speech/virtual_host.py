"""What a door asks of the process, in virtual time: scripted engines behind the real scheduler and policy."""

from voiceagent.app.speech_streams import Lending, SpeechStreams
from voiceagent.testing import Callers


class VirtualHost(Lending):
    """A host without an agent. Callers may talk at the same time: `callers.call()`."""

    def __init__(self, streams=4, **given):
        self.callers = Callers("scripted.yaml", ["session.greeting=''", "session.idle_s=0"], **given)
        self.config = self.callers.config
        self.metrics = self.callers.metrics
        self.lent = 0
        self._speech = SpeechStreams(streams, lambda: False, dict, self._count)

    @property
    def engines(self):
        return self.callers.engines

    @property
    def models(self):
        return {"asr": "scripted", "llm": "scripted", "tts": "scripted"}

    def readiness(self):
        return dict.fromkeys(("asr", "llm", "tts", "vad", "turn"), True)

    def troubles(self):
        return {}

    def close(self):
        self.callers.close()

    def _count(self, lent):
        self.lent = lent
