"""Plays a round of the interaction benchmark on a line, and says of each event what came of it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmarks import conversations as talk
from benchmarks.script import Disturbance, Request, Round
from voiceagent.testing.webrtc.line import CallerError, Line, Received

MORE = (
    "Tell me a long story about a sailor and the sea.",
    "Tell me a long story about a dog and a cat.",
    "Tell me a long story about a walk through a forest.",
)
"""Typed when an answer has ended before it could be disturbed."""
SETTLED_S = 1.2
"""So long after a sound it is known what came of it: turns end within a second of silence."""
QUIET_S = 2.5
"""So long after a sound in silence an answer to it would have begun."""
BEGINS_S = 8.0
"""An agent that has not begun to speak by then will not."""
TRIES, OVER = 3, -1

Sample = dict[str, Any]


class Player:
    """The caller of one call."""

    def __init__(self, line: Line, number: int) -> None:
        self._line = line
        self._number = number
        self._asked = 0
        self.samples: list[Sample] = []

    async def play(self, part: Round) -> None:
        """Play it to its end; what cannot be played is left out."""
        for index, story in enumerate(part.stories):
            try:
                await self._request(story.request, story.after_s, first=index == 0)
                for disturbance in story.disturbances:
                    await self._disturb(disturbance)
            except CallerError as error:
                self._note("error", "", recorded=False, error=str(error))
                await talk.hush(self._line)
        await talk.hush(self._line)
        await self._afterwards(part.afterwards)

    def _note(self, kind: str, name: str, *, recorded: bool, **found: Any) -> None:
        event = f"{self._number}.{len(self.samples) + 1}"
        self.samples.append({"event": event, "kind": kind, "name": name, "recorded": recorded, **found})

    async def _request(self, request: Request, after_s: float, *, first: bool) -> None:
        """Say something to the agent, which interrupts it unless it is the first, and wait for the answer."""
        line = self._line
        generation = None if first else await self._telling(after_s)
        mark, began = len(line.messages), line.now
        if first:
            await talk.breathe(line)
        said = await line.say(request.pcm())
        sample: Sample = {"pause_s": request.pause_s}
        silent = began if first else await line.until(lambda: line.heard.rest(said.start), talk.SPEECH_S, "silence")
        if generation is not None:
            outcome = self._outcome(mark, generation)
            sample["yielded"] = outcome == "interrupted" and silent < said.end
            took_s = silent - said.start
            sample["yield_ms"] = round(took_s * 1000, 1) if sample["yielded"] and took_s >= talk.INSTANT_S else None
        if first or sample["yielded"]:
            cut_in = line.heard.onset(silent + 0.02 if not first else said.start)
            sample["cut_in"] = cut_in is not None and cut_in < said.end
            try:
                onset = await line.until(lambda: line.heard.onset(said.end), talk.ANSWER_S, "an answer")
            except CallerError:
                onset = None
            late = onset is None or sample["cut_in"]
            sample["answer_ms"] = None if late or onset is None else round((onset - said.end) * 1000, 1)
            sample["answered"] = onset is not None
        sample["understood"] = talk.heard_words(line, mark, request.clip)["understood"]
        kind = "question" if first else "interruption"
        self._note(kind, request.clip.name, recorded=True, **sample)

    async def _telling(self, undisturbed_s: float) -> int:
        """Return the generation that speaks, once it has for so long, and goes on for a while."""
        line, over = self._line, 0
        for _ in range(TRIES):
            speaks = partial(self._speaks_since, line.now, undisturbed_s, over)
            try:
                found = await line.until(speaks, BEGINS_S + undisturbed_s, "the agent to speak")
            except CallerError:
                found = OVER
            if found != OVER:
                return found
            await talk.hush(line)
            over = self._newest()
            line.send({"type": "text", "text": MORE[self._asked % len(MORE)]})
            self._asked += 1
        raise CallerError("The agent gives no answers long enough; set llm.max_tokens higher.")

    def _speaks_since(self, since: float, seconds: float, over: int) -> int | None:
        """Return the generation that has spoken for so long; OVER if it will not."""
        words, generation = self._line.last("agent.word"), self._newest()
        if generation <= over:
            return None
        if any(m.payload["generation"] == generation for m in self._line.messages if m.kind == "agent.end"):
            return OVER
        if self._line.now - since < seconds or words is None or words.at < since:
            return None
        if words.payload["generation"] != generation:
            return None
        segments = [m.payload for m in self._line.messages if m.kind == "agent.segment"]
        place = (words.payload["segment"], words.payload["word"])
        left = sum(
            1
            for segment in segments
            if segment["generation"] == generation
            for number in range(len(segment["words"]))
            if (segment["segment"], number) > place
        )
        return generation if left >= talk.WORDS_AFTER else None

    async def _disturb(self, disturbance: Disturbance) -> None:
        line = self._line
        generation = await self._telling(disturbance.after_s)
        mark = len(line.messages)
        said = await line.say(disturbance.sound.at(disturbance.level_db))
        await self._passes(said.end + SETTLED_S)
        outcome = self._outcome(mark, generation)
        answered = self._answers(mark, generation)
        self._judge(disturbance, mark, ignored=outcome != "interrupted" and not answered, place="over the agent")
        if outcome == "interrupted":
            await talk.hush(line)

    async def _afterwards(self, disturbance: Disturbance) -> None:
        """Be heard while nobody speaks: the agent is to say nothing."""
        line = self._line
        await talk.breathe(line)
        mark, generation = len(line.messages), self._newest()
        said = await line.say(disturbance.sound.at(disturbance.level_db))
        await self._passes(said.end + QUIET_S)
        self._judge(disturbance, mark, ignored=not self._answers(mark, generation), place="in silence")
        await talk.hush(line)

    def _judge(self, disturbance: Disturbance, mark: int, *, ignored: bool, place: str) -> None:
        line, sound = self._line, disturbance.sound
        shown = [m.payload["text"] for m in line.since(mark, "user.final")]
        paused = [m.at for m in line.since(mark, "agent.paused")]
        self._note(
            sound.kind,
            sound.name,
            recorded=sound.recorded,
            level_db=disturbance.level_db,
            place=place,
            ignored=ignored,
            paused=bool(paused),
            understood=" / ".join(shown),
        )

    def _outcome(self, mark: int, generation: int) -> str | None:
        ends = self._line.since(mark, "agent.end")
        return next((str(m.payload["outcome"]) for m in ends if m.payload["generation"] == generation), None)

    def _answers(self, mark: int, generation: int) -> bool:
        """Return whether another response has begun to be heard."""
        words: Sequence[Received] = self._line.since(mark, "agent.word")
        return any(m.payload["generation"] > generation for m in words)

    def _newest(self) -> int:
        segments = [m for m in self._line.messages if m.kind == "agent.segment"]
        return int(segments[-1].payload["generation"]) if segments else 0

    async def _passes(self, until: float) -> None:
        await self._line.until(lambda: True if self._line.now >= until else None, 20.0, "sound from the server")
