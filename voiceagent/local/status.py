"""How a conversation at this machine goes, to be shown."""

from dataclasses import dataclass

from voiceagent.audio.pcm import SILENCE_DB
from voiceagent.local.echo import EchoState


@dataclass(frozen=True, slots=True)
class Counts:
    """What went wrong with the sound since the beginning."""

    underruns: int = 0
    """Times that the device had nothing to play."""
    starved: int = 0
    """Blocks of 10 ms that were not there when the device asked for them, since this process was late."""
    overruns: int = 0
    """Times that something of the microphone was lost."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.underruns + other.underruns, self.starved + other.starved, self.overruns + other.overruns)

    @property
    def gaps(self) -> int:
        """How many gaps there were in the agent's speech, or silence."""
        return self.underruns + self.starved


@dataclass(frozen=True, slots=True)
class Status:
    """A look at it."""

    input: str = ""
    output: str = ""
    """What the devices are called; empty while there is none."""
    user_db: float = SILENCE_DB
    agent_db: float = SILENCE_DB
    """The loudest 10 ms of both sides since the last look."""
    echo: EchoState = EchoState.OFF
    erle_db: float | None = None
    delay_s: float = 0.0
    """From the playout to the ear."""
    counts: Counts = Counts()
    muted: bool = False
    asleep: bool = False
    """The wake word has yet to be said."""
    trouble: str = ""
    """What the user should know or do; empty where all is well."""
