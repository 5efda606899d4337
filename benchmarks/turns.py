"""A question and its answer, through any door: needs no more of a conversation than to be heard and to hear."""

import asyncio
from typing import Any

from benchmarks.conversations import ANSWER_S, BREATH_S
from benchmarks.corpus import Clip
from benchmarks.line import CallerError, Conversation
from voiceagent.audio.pcm import Pcm

OVER_S = 1.0
"""An agent that is silent for so long has said all: pauses between sentences measure up to 0.35 s."""
POLL_S = 0.05
STUCK_S = 5.0
"""A microphone that is later than this is not listened to any more."""
BEFORE_S = 0.1
"""Sound that is kept from before an answer."""

Sample = dict[str, Any]


async def ask(line: Conversation, clip: Clip) -> tuple[Sample, Pcm]:
    """Ask a question when the agent is silent, and listen to the whole answer; return it as a sample, and its sound.

    Raises CallerError or TimeoutError when the call is over.
    """
    await silence(line, BREATH_S)
    mark, began = len(line.messages), line.now
    async with asyncio.timeout(clip.seconds + STUCK_S):
        said = await line.say(clip.pcm)
    cut_in = line.heard.onset(began)
    sample: Sample = {
        "clip": clip.name,
        "text": clip.text,
        "cut_in": cut_in is not None and cut_in < said.end,
        "sent_at": said.end,
        "heard_at": None,
        "v2v_ms": None,
    }
    sound = line.heard.pcm(line.now)
    try:
        onset = await line.until(lambda: line.heard.onset(said.end), ANSWER_S, "an answer")
    except CallerError:
        return sample | {"understood": understood(line, mark), "reply": announced(line, mark)}, sound
    sample["heard_at"] = onset
    sample["v2v_ms"] = None if sample["cut_in"] else round((onset - said.end) * 1000, 1)
    await silence(line, OVER_S)
    sound = line.heard.pcm(onset - BEFORE_S)
    return sample | {"understood": understood(line, mark), "reply": announced(line, mark)}, sound


async def silence(line: Conversation, seconds: float) -> None:
    """Wait until nothing has been heard for so long."""
    began = line.now
    while line.now - max(began, line.heard.last_sound()) < seconds:  # noqa: ASYNC110 - silence is no event
        await asyncio.sleep(POLL_S)


def understood(line: Conversation, mark: int) -> str:
    """Return what the door has shown of the user's words since message `mark`; "" where it shows none."""
    texts = []
    turns: dict[int, str] = {}
    for message in line.messages[mark:]:
        match message.payload:
            case {"type": "user.final", "turn": int(turn), "text": str(text)}:
                turns[turn] = text
            case {"type": "user-transcription", "data": {"final": True, "text": str(text)}}:
                texts.append(text)
            case {"type": "conversation.item.input_audio_transcription.completed", "transcript": str(text)}:
                texts.append(text)
    return " ".join([*turns.values(), *texts])


def announced(line: Conversation, mark: int) -> str:
    """Return what the door has shown of the agent's words since message `mark`; "" where it shows none."""
    texts = []
    for message in line.messages[mark:]:
        match message.payload:
            case {"type": "agent.segment", "words": list(words)}:
                texts.append(" ".join(words))
            case {"type": "bot-transcription", "data": {"text": str(text)}}:
                texts.append(text)
            case {"type": "response.output_audio_transcript.done", "transcript": str(text)}:
                texts.append(text)
    return " ".join(texts)
