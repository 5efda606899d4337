"""An uploaded recording on its way through the recogniser: decoded as far as it is heard, in a thread."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path
from threading import Lock

import av
import numpy as np

from voiceagent.audio.decode import TooLongError, decode_pieces
from voiceagent.audio.pcm import AudioError, Pcm
from voiceagent.doors.errors import TooLargeError
from voiceagent.doors.host import Host
from voiceagent.doors.speech.transcriber import Transcriber, Utterance
from voiceagent.engines.asr.contract import SAMPLE_RATE

PIECE_SAMPLES = 2 * SAMPLE_RATE


class Recording:
    """One file, of `longest_s` seconds at most. `utterances` can be iterated once; `duration_s` is what has been heard
    of it."""

    def __init__(self, host: Host, path: Path, language: str, longest_s: float) -> None:
        self.duration_s = 0.0
        self._host = host
        self._path = path
        self._language = language
        self._longest_s = longest_s

    async def utterances(self) -> AsyncGenerator[Utterance, None]:
        """Yield what is said, when it has been recognised.

        Raises AudioError for what is no sound, TooLargeError for what is too long, UnavailableError when no recogniser
        can be lent, TranscriptionError.
        """
        found: deque[Utterance] = deque()
        transcriber = Transcriber(self._host, found.append, language=self._language)
        reader = _Reader(self._path, self._longest_s)
        try:
            while len(pcm := await asyncio.to_thread(reader.read)):
                await transcriber.push(pcm)
                self.duration_s = transcriber.heard_s
                while found:
                    yield found.popleft()
            await transcriber.finalise()
            while found:
                yield found.popleft()
        finally:
            transcriber.close()
            asyncio.get_running_loop().run_in_executor(None, reader.close)  # a read may be under way


class _Reader:
    """Reads a file in a thread, a few seconds at a time."""

    def __init__(self, path: Path, longest_s: float) -> None:
        self._path = path
        self._pieces = decode_pieces(path, SAMPLE_RATE, longest_s)
        self._lock = Lock()
        self._heard = False

    def read(self) -> Pcm:
        """Return the next seconds, none at the end. Raises AudioError, and TooLargeError for what is too long."""
        pieces, samples = list[Pcm](), 0
        try:
            with self._lock:
                for piece in self._pieces:
                    pieces.append(piece)
                    samples += len(piece)
                    if samples >= PIECE_SAMPLES:
                        break
        except TooLongError as error:
            why = str(error).replace(str(self._path), "The recording")
            raise TooLargeError("too_long", f"{why} This server's limit is openai.recording_hours.") from error
        except AudioError as error:
            raise AudioError(str(error).replace(str(self._path), "The file")) from error
        except (av.FFmpegError, OSError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise AudioError(
                f"The file cannot be read as audio ({why}); send wav, mp3, flac, ogg, m4a, webm, ..."
            ) from error
        if not samples and not self._heard:
            raise AudioError("The file is an audio file with nothing in it.")
        self._heard = True
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def close(self) -> None:
        """Close the file, after a read that is under way."""
        with self._lock:
            self._pieces.close()  # type: ignore[attr-defined]
