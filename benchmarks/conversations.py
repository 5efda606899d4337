"""What a caller does in the voice-to-voice benchmark: ask, interrupt, cough, dictate. Each returns raw samples.

The samples are plain data, ready for JSON; `Spoken` also keeps the sound of an answer, for later analysis.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.corpus import Clip
from voiceagent.audio.pcm import Pcm
from voiceagent.testing.webrtc.line import CallerError, Line, Received
from voiceagent.testing.webrtc.listener import REST_S
from voiceagent.text.words import word_error_rate

ANSWER_S = 8.0
"""The longest wait for the beginning of an answer."""
SPEECH_S = 40.0
"""The longest answer."""
BREATH_S = 0.6
"""A person's pause before speaking again."""
LONG_REQUESTS = (
    "Tell me a long story about a sailor and the sea.",
    "Describe the city of Paris for me.",
    "Tell me what people do on a farm all day.",
    "Explain to me how a car engine works.",
    "Tell me a long story about a dog and a cat.",
    "Describe a walk through a forest in autumn.",
)
"""Requests that make even a small model talk for a while."""
WORDS_BEFORE = 4
"""Words of an answer that are heard before it is disturbed ..."""
WORDS_AFTER = 5
"""... and at least to come, so that it does not end of itself meanwhile."""

NOTABLE_MS = 1.0
"""Shorter gaps are the grain of the clock."""
INSTANT_S = 0.03
"""An agent that is silent sooner than one packet and some can travel was between two words; nothing was measured."""

Sample = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One answer that was heard from beginning to end."""

    segments: list[str]
    """The text, as announced."""
    pcm: Pcm
    """16 kHz."""


async def greeted(line: Line) -> None:
    """Wait for the greeting to end."""
    await line.until(lambda: line.last("agent.end"), SPEECH_S, "the greeting to end")


async def ask(line: Line, clip: Clip, *, whole: bool = True) -> tuple[Sample, Spoken | None]:
    """Ask a question and listen to the answer; to all of it, or only to how it begins."""
    await breathe(line)
    mark, began = len(line.messages), line.now
    said = await line.say(clip.pcm)
    cut_in = line.heard.onset(began)
    sample: Sample = {
        "clip": clip.name,
        "cut_in": cut_in is not None and cut_in < said.end,
        "sent_at": said.end,
        "heard_at": None,
        "v2v_ms": None,
        "outcome": None,
        "stalls_ms": [],
        "trace": None,
        "reply": "",
    }
    try:
        onset = await line.until(lambda: line.heard.onset(said.end), ANSWER_S, "an answer")
    except CallerError:
        return sample | heard_words(line, mark, clip), None
    sample["heard_at"] = onset
    sample["v2v_ms"] = None if sample["cut_in"] else round((onset - said.end) * 1000, 1)
    if not whole:
        await breathe(line)
        line.send({"type": "interrupt"})
    end = await line.until(lambda: ended(line, mark), SPEECH_S, "the end of the answer")
    await breathe(line)
    generation = end.payload["generation"]
    sample["outcome"] = end.payload["outcome"]
    sample["stalls_ms"] = [round(ms, 1) for ms in line.heard.stalls_ms(onset, end.at) if ms >= NOTABLE_MS]
    traces = [message.payload["trace"] for message in line.since(mark, "trace")]
    sample["trace"] = next((trace for trace in traces if trace["generation"] == generation), None)
    segments = announced(line, generation)
    sample["reply"] = " ".join(segments)
    spoken = Spoken(segments, line.heard.pcm(onset - 0.1, line.now))
    heard_all = sample["outcome"] == "completed" and not sample["cut_in"]
    return sample | heard_words(line, mark, clip), spoken if heard_all else None


async def hesitate(line: Line, clip: Clip) -> Sample:
    """Say an utterance that has a pause in it; the agent should not begin to answer before its end."""
    await breathe(line)
    mark = len(line.messages)
    said = await line.say(clip.pcm)
    floors = [message for message in line.since(mark, "floor") if message.at < said.end]
    cut_off = any(floor.payload["holder"] in ("agent", "thinking") for floor in floors)
    onset = None
    with suppress(CallerError):
        onset = await line.until(lambda: line.heard.onset(said.end), ANSWER_S, "an answer")
    sample = heard_words(line, mark, clip)
    await hush(line)
    late = None if onset is None or cut_off else round((onset - said.end) * 1000, 1)
    return {"clip": clip.name, "cut_off": cut_off, "v2v_ms": late, **sample}


async def barge_in(line: Line, clip: Clip, request: str) -> Sample:
    """Speak while the agent answers a request, and measure how long it goes on: onset sent to silence heard."""
    mark, generation = await mid_answer(line, request)
    said = await line.say(clip.pcm)
    silent = await line.until(lambda: line.heard.rest(said.start), SPEECH_S, "silence after a barge-in")
    outcomes = [m.payload["outcome"] for m in line.since(mark, "agent.end") if m.payload["generation"] == generation]
    stopped = bool(outcomes) and outcomes[0] == "interrupted" and silent < said.end
    in_pause = silent - said.start < INSTANT_S
    await hush(line)
    return {
        "clip": clip.name,
        "barge_in_ms": round((silent - said.start) * 1000, 1) if stopped and not in_pause else None,
        "in_pause": in_pause,
        "outcome": outcomes[0] if outcomes else None,
    }


async def cough_at(line: Line, cough: Pcm, request: str) -> Sample:
    """Cough while the agent answers a request; it should go on to the end, perhaps after a pause."""
    mark, generation = await mid_answer(line, request)
    await line.say(cough)

    def end() -> Received | None:
        ends = line.since(mark, "agent.end")
        return next((m for m in ends if m.payload["generation"] == generation), None)

    ending = await line.until(end, SPEECH_S, "the end of an answer after a cough")
    paused, resumed = line.since(mark, "agent.paused"), line.since(mark, "agent.resumed")
    away_s = None
    if paused and resumed:
        back = line.heard.onset(resumed[0].at)
        away_s = None if back is None else back - paused[0].at
    await hush(line)
    return {
        "paused": bool(paused),
        "resumed": bool(resumed),
        "outcome": ending.payload["outcome"],
        "away_ms": None if away_s is None else round(away_s * 1000, 1),
    }


async def dictate(line: Line, clip: Clip) -> Sample:
    """Say something, and return what was understood; the answer is not awaited."""
    await breathe(line)
    mark = len(line.messages)
    said = await line.say(clip.pcm)

    def answering() -> bool | None:
        floors = [m for m in line.since(mark, "floor") if m.at > said.end]
        return True if any(m.payload["holder"] in ("agent", "thinking") for m in floors) else None

    with suppress(CallerError):  # nothing was understood, which counts as that many errors
        await line.until(answering, ANSWER_S, "an answer")
    sample = heard_words(line, mark, clip)
    await hush(line)
    return {"clip": clip.name, **sample}


async def breathe(line: Line) -> None:
    """Let a moment pass, measured in what is received."""
    after = line.now
    await line.until(lambda: line.now - after >= BREATH_S or None, 2 * BREATH_S + 1, "sound from the server")


async def hush(line: Line) -> None:
    """Stop the agent until the floor is free."""
    after = stopped = line.now

    def quiet() -> bool | None:
        nonlocal stopped
        floor = line.last("floor")
        holder = floor.payload["holder"] if floor is not None else "none"
        if holder == "agent" and line.now - stopped >= REST_S / 2:
            stopped = line.now
            line.send({"type": "interrupt"})
        return True if holder == "none" and line.now - after >= REST_S else None

    await line.until(quiet, SPEECH_S, "the agent to fall silent")


async def mid_answer(line: Line, request: str) -> tuple[int, int]:
    """Make the agent begin a long answer, and return in the middle of it: message number, generation."""
    for _ in range(3):
        await breathe(line)
        mark = len(line.messages)
        line.send({"type": "text", "text": request})
        generation = await line.until(partial(_deep_in_speech, line, mark), SPEECH_S, "a long answer")
        if generation >= 0:
            return mark, generation
    raise CallerError("The agent gives no answers long enough to interrupt; set llm.max_tokens higher.")


def _deep_in_speech(line: Line, mark: int) -> int | None:
    """Return the generation that is being spoken, with enough words to come; -1 if the answer ended too soon."""
    if ended(line, mark) is not None:
        return -1
    heard = line.since(mark, "agent.word")
    if len(heard) < WORDS_BEFORE:
        return None
    word = heard[-1].payload
    announced_words = {
        message.payload["segment"]: len(message.payload["words"])
        for message in line.since(mark, "agent.segment")
        if message.payload["generation"] == word["generation"]
    }
    left = announced_words.get(word["segment"], 0) - word["word"] - 1
    return int(word["generation"]) if left >= WORDS_AFTER else None


def ended(line: Line, mark: int) -> Received | None:
    """Return the end of the newest response that was released since `mark`, once it has come."""
    spoken = line.since(mark, "agent.segment")
    newest = spoken[-1].payload["generation"] if spoken else None
    ends = line.since(mark, "agent.end")
    return next((end for end in ends if end.payload["generation"] == newest), None)


def announced(line: Line, generation: int) -> list[str]:
    """Return the text of a response's segments."""
    segments = [m.payload for m in line.messages if m.kind == "agent.segment"]
    return [" ".join(s["words"]) for s in segments if s["generation"] == generation]


def heard_words(line: Line, mark: int, clip: Clip) -> Sample:
    """Return what was understood since `mark`, the last word on each turn, and how wrong it is."""
    turns = {m.payload["turn"]: m.payload["text"] for m in line.since(mark, "user.final")}
    text = " ".join(turns.values())
    errors, words = word_error_rate(clip.text, text)
    return {"text": clip.text, "understood": text, "errors": errors, "words": words}
