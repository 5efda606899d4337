"""Recording of calls (`session.record`): for each a stereo WAV file, and a line of JSON for every turn beside it.

What a turn's line tells is timed from the beginning of the sound file.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from voiceagent.audio.pcm import AudioError, Pcm
from voiceagent.audio.stereo_file import StereoFile
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.session.coordinator import Session
from voiceagent.trace.turn import TurnTrace

log = logging.getLogger(__name__)


class Recordings:
    """The recordings under way. `folder` None: calls are not recorded."""

    def __init__(self, folder: Path | None, *, log_text: bool) -> None:
        self._folder = folder
        self._log_text = log_text
        self._open: dict[str, CallRecorder] = {}

    def announce(self) -> None:
        """Say in the log that calls are recorded."""
        if self._folder is not None:
            log.warning("calls are recorded: callers must know and agree", extra={"folder": str(self._folder)})

    def begin(self, session: Session) -> None:
        """Record a session; where that cannot be, the call goes on without."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            recorder = CallRecorder(self._folder, session, lambda: self._open.pop(session.id, None))
        except OSError as error:
            log.error("a call is not recorded in %s (%s)", self._folder, error, extra={"session": session.id})
            return
        self._open[session.id] = recorder
        session.listen_in(recorder)

    def turn(self, trace: TurnTrace) -> None:
        """Note a turn of a session that is recorded."""
        if (recorder := self._open.get(trace.session)) is not None:
            recorder.turn(trace, log_text=self._log_text)

    def close(self) -> None:
        """End every recording."""
        for recorder in list(self._open.values()):
            recorder.close()


class CallRecorder:
    """Records one session into two files named after its beginning (UTC) and its id. Raises OSError."""

    def __init__(self, folder: Path, session: Session, on_close: Callable[[], object]) -> None:
        name = f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}-{session.id}"
        self._session = session.id
        self._begun = asyncio.get_running_loop().time()
        self._rate = session.playout.rate
        self._on_close = on_close
        self._sound = StereoFile(folder / f"{name}.wav", self._rate, self._begun)
        turns = folder / f"{name}.jsonl"
        turns.touch(0o600, exist_ok=False)
        self._turns = turns.open("a", buffering=1, encoding="utf-8", errors="backslashreplace")
        self._closed = False

    def user(self, pcm: Pcm, at: float) -> None:
        """Record the user. Raises OSError and AudioError, and is closed then."""
        with self._closing():
            self._sound.left(pcm, SAMPLE_RATE, at)

    def agent(self, pcm: Pcm, at: float) -> None:
        """Record the agent likewise."""
        with self._closing():
            self._sound.right(pcm, self._rate, at)

    def turn(self, trace: TurnTrace, *, log_text: bool) -> None:
        """Write a turn's times, and what was said only if `log_text`."""
        turn = {key: value for key, value in trace.stages().items() if key != "marks"}
        words = {"user_text": trace.user_text, "agent_text": trace.agent_text} if log_text else {}
        marks = {f"{name}_s": round(at - self._begun, 3) for name, at in trace.marks.items()}
        try:
            self._turns.write(json.dumps({**turn, **marks, **words}, ensure_ascii=False) + "\n")
        except OSError as error:
            log.error("a turn of a recording is lost (%s)", error, extra={"session": self._session})

    def close(self) -> None:
        """Close the files. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._on_close()
        try:
            self._turns.close()
            self._sound.close()
        except (OSError, AudioError) as error:
            log.error("the end of a recording is lost (%s)", error, extra={"session": self._session})
        else:
            log.info("call recorded", extra={"session": self._session, "file": str(self._sound.path)})

    @contextmanager
    def _closing(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise
