"""What can be known in each silence of a turn, from what was heard up to then.

The turn detector's probabilities; what the recogniser understands; how likely the language model finds it that the
words end there. All by the engines of some settings, as a session uses them, one after the other and alone.
"""

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import form
from benchmarks.paused_turns import PausedTurn, Silence
from benchmarks.playback import Playback
from benchmarks.word_judge import WordJudge
from voiceagent.app.engines import build_engine
from voiceagent.app.settings import load_settings
from voiceagent.app.specs import gpus_for
from voiceagent.audio.pcm import Pcm
from voiceagent.config.settings import Settings
from voiceagent.engines.drive import drive
from voiceagent.engines.turn.contract import WINDOW_S, TurnEvent, TurnPrediction
from voiceagent.testing.recordings import RATE

ASKED_AT_S = (0.1, 0.2, 0.5)
"""When the turn detector is asked, in seconds of silence: at its first sign, when eot-bench does, and once more."""
WHOLE_WINDOW = "turn.window_s=8"
"""Smart Turn as it comes."""
QUICK_TURNS, WRITTEN_EVERY = 12, 5
HEARD_AT_S = 0.1
"""When the recogniser is asked, as in a session at the first sign of silence."""

Row = Mapping[str, Any]
Key = tuple[str, str, int]
"""Of a silence: name and speaker of the turn, and its start in ms."""


@dataclass(slots=True)
class Evidence:
    """One silence."""

    silence: Silence
    sound: dict[float, float] = field(default_factory=dict)
    """The turn detector's probability that this is the end, by the seconds of silence that it heard."""
    alone: dict[float, float] = field(default_factory=dict)
    """The same of Smart Turn as it comes, with all of its window."""
    text: str = ""
    """The turn so far as the recogniser understands it."""
    ending: float | None = None
    """How likely the language model takes the words to be whole."""
    ask_ms: float = 0.0
    """Processor time that the turn detector took for a question, of one thread, in ms."""


class Witness:
    """The engines of some settings."""

    def __init__(self, settings: Settings, whole: Settings, ears: Playback) -> None:
        self._ears = ears
        self._judge = WordJudge(settings)
        self._detector, self._whole = (build_engine("turn", some, gpus_for(some)) for some in (settings, whole))
        self._detector.load()
        self._whole.load()

    def examine(self, turn: PausedTurn, known: Mapping[Key, Row]) -> list[Evidence]:
        """Find out about each silence of a turn, for as long as it lasts.

        What its words say is taken from `known`, where they have been read before.
        """
        found = []
        for silence in turn.silences:

            def until(at: float, start_s: float = silence.start_s) -> Pcm:
                return turn.pcm[: round((start_s + at) * RATE)]

            began = time.thread_time()
            sound = {at: self._ask(self._detector, until(at)) for at in ASKED_AT_S if at <= silence.length_s}
            ask_ms = 1000 * (time.thread_time() - began) / len(sound)
            alone = {at: self._ask(self._whole, until(at)) for at in sound}
            if (row := known.get(_key(turn.name, turn.speaker, silence.start_s))) is not None:
                text, ending = row["text"], row["ending"]
            else:
                text = self._ears.hear(until(HEARD_AT_S)).text
                ending = self._judge.ending(text, turn.asked) if text else None
            found.append(Evidence(silence, sound, alone, text, ending, ask_ms))
        return found

    def _ask(self, detector: Any, pcm: Pcm) -> float:
        answers: list[float] = []

        def collect(event: TurnEvent) -> None:
            if isinstance(event, TurnPrediction):
                answers.append(event.probability)

        stream = detector.open(collect)
        stream.predict(1, pcm[-round(WINDOW_S * RATE) :], 0.0)
        drive(detector)
        stream.close()
        return answers[0]


def examine_all(
    report: form.Report, turns_of: Callable[[Playback], Iterable[PausedTurn]], options: Namespace
) -> list[dict[str, Any]]:
    """Examine turns and return a row for each silence, which are the report's samples, too.

    `options` are those of the command line: --config, --quick, --json, into which the report is written every
    `WRITTEN_EVERY` turns, --resume, which goes on with what is written there, and --ask-again.
    """
    settings, whole = (load_settings(options.config, sets).settings for sets in ([], [WHOLE_WINDOW]))
    known = {_key(row["name"], row["speaker"], row["start_s"]): row for row in _known(options)}
    rows = report.samples["silences"] = silences_in(options.json) if options.resume else []
    done = rows[-1]["turn"] + 1 if rows else 0
    ears = Playback(settings)
    witness = Witness(settings, whole, ears)
    for number, turn in islice(enumerate(turns_of(ears)), done, QUICK_TURNS if options.quick else None):
        form.progress(f"turn {number + 1}: {turn.name}")
        rows += rows_of(number, turn, witness.examine(turn, known))
        if options.json and number % WRITTEN_EVERY == WRITTEN_EVERY - 1:
            report.write(options.json)
    return rows


def _known(options: Namespace) -> list[dict[str, Any]]:
    return silences_in(options.ask_again) if options.ask_again else []


def _key(name: str, speaker: str, start_s: float) -> Key:
    return name, speaker, round(1000 * start_s)


def silences_in(path: Path) -> list[dict[str, Any]]:
    """Return the silences of a report."""
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["samples"]["silences"]
    return rows


def parser(name: str, description: str) -> ArgumentParser:
    """Make a command line with what both commands take that examine turns."""
    line = form.parser(name, description)
    line.add_argument("--config", default="cpu.yaml", help="settings of the models (default: cpu.yaml)")
    line.add_argument("--resume", action="store_true", help="go on with the report of a run that was broken off")
    line.add_argument(
        "--ask-again", type=Path, metavar="REPORT", help="ask the turn detectors; what words say is in this report"
    )
    return line


def rows_of(number: int, turn: PausedTurn, found: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Return what is kept of a turn: a row for each silence."""
    about = {"turn": number, "name": turn.name, "speaker": turn.speaker, "kind": turn.kind, "asked": turn.asked}
    return [
        {
            **about,
            "synthetic": turn.synthetic,
            "pauses": pauses,
            **asdict(each.silence),
            "sound": {str(at): round(probability, 4) for at, probability in each.sound.items()},
            "alone": {str(at): round(probability, 4) for at, probability in each.alone.items()},
            "text": each.text,
            "ask_ms": round(each.ask_ms, 1),
            "ending": None if each.ending is None else round(each.ending, 5),
        }
        for pauses, each in enumerate(found)
    ]
