"""Human speech with known text, from Debian packages: telephone prompts, read books, card games.

Every recording is trimmed: it begins with its first and ends with its last 10 ms that lie within `EDGE_DB` of its
loudest 10 ms. That end is "the last speech sample" of all measurements: the audible end of a voice in a quiet room. It
is 0 to 15 ms from where a limit of 30 or 40 dB would put it (measured over the telephone prompts).
"""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voiceagent.audio.files import read_audio
from voiceagent.audio.pcm import AudioError, Pcm, level_db, trim_silence
from voiceagent.errors import VoiceAgentError

RATE = 16_000
EDGE_DB = -35.0
LEVEL_DB = -23.0
"""RMS level of every recording, in dB of full scale: a voice at a microphone with automatic gain."""
PEAK = 0.9
"""No sample is louder than this, if the level has to be lower for it."""

PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PROMPT_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
READINGS = Path("/usr/share/pocketsphinx/test/data")


class RecordingError(VoiceAgentError):
    """A recording is missing; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording of a person."""

    name: str
    """As in agent-pass, or librivox/sense_and_sensibility_01_austen_64kb-0870."""
    path: Path
    text: str
    """What is said."""

    def pcm(self) -> Pcm:
        """Return the sound, 16 kHz, trimmed and levelled. Raises RecordingError."""
        try:
            return prepare(read_audio(self.path, RATE))
        except AudioError as error:
            raise RecordingError(f"{error} Install its Debian package again.") from error


def recordings() -> Iterator[Recorded]:
    """Yield every recording. Raises RecordingError where a package is missing."""
    for place in (PROMPTS, PROMPT_TEXTS, READINGS):
        if not place.exists():
            raise RecordingError(
                f"{place} is not here. Recordings of people come from Debian packages: sudo apt install"
                " asterisk-core-sounds-en asterisk-core-sounds-en-g722 pocketsphinx-testdata"
            )
    with gzip.open(PROMPT_TEXTS, "rt", encoding="utf-8", errors="replace") as lines:
        for name, text in re.findall(r"^([\w/-]+): *(.+?) *$", lines.read(), re.MULTILINE):
            if (path := PROMPTS / f"{name}.g722").exists():
                yield Recorded(name, path, text)
    for transcript in ("cards/cards.transcription", "librivox/transcription"):
        folder = (READINGS / transcript).parent
        for text, name in re.findall(r"^<s> (.+?) *</s> \((.+)\)$", (READINGS / transcript).read_text(), re.MULTILINE):
            if (path := folder / f"{name}.wav").exists():
                yield Recorded(f"{folder.name}/{name}", path, text)


def recording(name: str) -> Recorded:
    """Return the recording of that name. Raises RecordingError where there is none."""
    found = next((one for one in recordings() if one.name == name), None)
    if found is None:
        raise RecordingError(f"There is no recording {name!r}. The names are those of {PROMPTS} and {READINGS}.")
    return found


def prepare(pcm: Pcm) -> Pcm:
    """Trim and level a recording at 16 kHz as this module promises."""
    voice = trim_silence(pcm, RATE, keep_before_s=0.0, keep_after_s=0.0, threshold_db=EDGE_DB).pcm
    gain = 10 ** ((LEVEL_DB - level_db(voice)) / 20)
    peak = float(np.abs(voice).max(initial=0.0))
    return voice * np.float32(min(gain, PEAK / peak if peak else gain))
