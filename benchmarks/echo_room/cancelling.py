"""The echo canceller on a simulated room, sample by sample: the same every time, and independent of the machine's load.

The agent talks alone; then a person talks over it, again and again, and the agent goes on or yields; then it talks
alone once more; then the person, with the agent silent.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmarks import corpus
from benchmarks.echo_room.acoustics import Path, at_level, echo_of
from benchmarks.form import ratio
from benchmarks.playback import Playback
from voiceagent.app.conversation import conversation_config
from voiceagent.app.engines import build_engine
from voiceagent.app.specs import gpus_for
from voiceagent.audio.pcm import Pcm, level_db
from voiceagent.config.settings import Settings
from voiceagent.engines.drive import drive
from voiceagent.engines.vad.contract import VadEvent, VadFrame
from voiceagent.local.echo import EchoCanceller
from voiceagent.local.linear import BLOCK
from voiceagent.session.endpointing import Endpointer
from voiceagent.session.events import SpeechStarted
from voiceagent.text.words import word_error_rate

RATE = corpus.RATE
PERSON_DB, NOISE_DB, AGENT_DB = -26.0, -66.0, -20.0
ALONE_S, EACH_S, AGAIN_S = 24.0, 4.3, 10.0
YIELDS_S = 0.4
"""The agent falls silent so soon after the person has begun, and talks on half a second after the end."""
JUST_S = 0.3
SCENARIOS = {
    "6 dB below": Path(level_db=-32),
    "12 dB below": Path(level_db=-38),
    "equal": Path(),
    "10 dB above": Path(level_db=-16),
    "200 ppm": Path(drift_ppm=200),
    "-200 ppm": Path(drift_ppm=-200),
    "jump of 100 ms": Path(jump_at_s=12.0, jump_ms=100),
    "delay of 300 ms": Path(delay_ms=300),
    "bent loudspeaker": Path(level_db=-20, drive=3.0),
}
TEXT = (
    "I think the weather will stay warm for the rest of the week, so you could plan a picnic by the river.",
    "The museum opens at ten in the morning, and the tickets are cheaper if you buy them the day before.",
    "Somebody told me that the old bakery around the corner has started to sell the best almond cakes in town.",
    "When you boil the potatoes, add a little salt to the water, and keep a cup of it for the sauce.",
    "My favourite part of the story is the moment when the captain understands that the map is upside down.",
    "It takes about forty minutes by train, and ten on foot, if you do not stop to look at every shop window.",
)


@dataclass(frozen=True)
class Scene:
    """What is said, by whom and when."""

    far: Pcm
    near: Pcm
    over: list[tuple[float, corpus.Clip]]
    """When which clip begins over the agent's speech."""
    alone: list[tuple[float, corpus.Clip]]

    def is_spoken(self, at_s: float) -> bool:
        """Return whether the person speaks at a time, or has just spoken."""
        return any(start < at_s < start + clip.seconds + JUST_S for start, clip in self.over + self.alone)


class Ears:
    """The product's detector and recogniser."""

    def __init__(self, settings: Settings) -> None:
        self.playback = Playback(settings)
        self._vad = build_engine("vad", settings, gpus_for(settings))
        self._vad.load()
        self._thresholds = conversation_config(settings).thresholds

    def onsets(self, pcm: Pcm) -> list[float]:
        """Return when speech begins, in seconds."""
        endpointer, starts = Endpointer(self._thresholds), []

        def take(event: VadEvent) -> None:
            if isinstance(event, VadFrame):
                at = event.end_sample / RATE
                if isinstance(endpointer.feed(VadFrame(event.probability, event.end_sample, at)), SpeechStarted):
                    starts.append(at)

        stream = self._vad.open(take)
        for at in range(0, len(pcm), 512):
            stream.push(pcm[at : at + 512], 0.0)
            drive(self._vad)
        stream.close()
        return starts


def make_scene(playback: Playback, clips: int, *, yields: bool) -> Scene:
    """Return a scene with `clips` clips over the agent's speech, and six behind it."""
    chosen = corpus.prompts(clips + 6, longest_s=3.8)
    over = [(ALONE_S + 0.3 + EACH_S * number, clip) for number, clip in enumerate(chosen[:clips])]
    talks_s = ALONE_S + EACH_S * clips + AGAIN_S
    at, alone = talks_s + 1.0, []
    for clip in chosen[clips:]:
        alone.append((at, clip))
        at += clip.seconds + 0.8
    near = np.zeros(int((at + 1) * RATE), np.float32)
    for start, clip in over + alone:
        begin = int(start * RATE)
        near[begin : begin + len(clip.pcm)] += at_level(clip.pcm, PERSON_DB)
    voice = at_level(np.concatenate([playback.speak(sentence) for sentence in TEXT]), AGENT_DB)
    far = np.zeros(len(near), np.float32)
    far[: int(talks_s * RATE)] = np.resize(voice, int(talks_s * RATE))
    for start, clip in over if yields else ():
        far[int((start + YIELDS_S) * RATE) : int((start + clip.seconds + 0.5) * RATE)] = 0
    return Scene(far, near, over, alone)


def measure(scene: Scene, name: str, canceller: EchoCanceller, ears: Ears, *, words: bool) -> dict[str, Any]:
    """Run one scenario; return what came of it."""
    path = SCENARIOS[name]
    noise = np.random.default_rng(7).standard_normal(len(scene.far)) * 10 ** (NOISE_DB / 20)
    echo = echo_of(scene.far, RATE, path)
    microphone = np.clip(echo + scene.near + noise, -1, 1).astype(np.float32)
    clean, gated, us = cancelled(canceller, scene.far, microphone)
    onsets = ears.onsets(gated)
    heard = [
        min((o - start for o in onsets if start < o < start + clip.seconds + JUST_S), default=None)
        for start, clip in scene.over
    ]
    begin = path.jump_at_s or 0.0
    windows = [(at, erle(echo, clean, at, at + 0.5)) for at in np.arange(begin, ALONE_S - 0.5, 0.5)]
    result: dict[str, Any] = {
        "scenario": name,
        "erle_2_s_db": erle(echo, clean, 0.5, 2),
        "erle_db": erle(echo, clean, ALONE_S - 8, ALONE_S),
        "converged_s": next((round(float(at - begin), 1) for at, gained in windows if gained >= 20), None),
        "false_onsets": [round(o, 1) for o in onsets if not scene.is_spoken(o)],
        "barge_ins": len(heard),
        "barge_ins_heard": sum(ms is not None and ms < 1.0 for ms in heard),
        "barge_in_ms": [None if s is None else round(1000 * s) for s in heard],
        "us_per_10_ms": round(us),
    }
    if words:
        result["wer_double_talk"] = word_errors(scene.over, gated, ears)
        result["wer_alone"] = word_errors(scene.alone, gated, ears)
        result["wer_direct"] = word_errors(scene.alone, scene.near, ears)
    return result


def cancelled(canceller: EchoCanceller, far: Pcm, microphone: Pcm) -> tuple[Pcm, Pcm, float]:
    """Return what is left, before and behind the gate, and the microseconds that 10 ms took."""
    clean, gated, took = np.zeros_like(microphone), np.zeros_like(microphone), []
    for at in range(0, len(microphone) - BLOCK + 1, BLOCK):
        block = slice(at, at + BLOCK)
        begun = time.perf_counter()
        clean[block] = canceller.process(microphone[block], far[block])
        gated[block] = canceller.gate(clean[block])
        took.append(time.perf_counter() - begun)
    return clean, gated, median(took) * 1e6


def erle(echo: Pcm, clean: Pcm, start_s: float, end_s: float) -> float:
    """Return the echo return loss enhancement of a time in which the agent talks alone, in dB."""
    part = slice(int(start_s * RATE), int(end_s * RATE))
    return round(level_db(echo[part]) - level_db(clean[part]), 1)


def word_errors(places: Sequence[tuple[float, corpus.Clip]], pcm: Pcm, ears: Ears) -> float | None:
    """Return the word error rate of clips, in percent."""
    wrong = total = 0
    for start, clip in places:
        part = pcm[int((start - 0.2) * RATE) : int((start + clip.seconds + 0.3) * RATE)]
        errors, count = word_error_rate(clip.text, ears.playback.hear(part).text)
        wrong, total = wrong + errors, total + count
    return ratio(wrong, total)
