"""A model that judges what rules cannot: whether a criterion in words is met. It is asked only if it is given."""

import asyncio
import os
from dataclasses import dataclass
from typing import Protocol

import httpx2

from voiceagent.app.agent import Agent
from voiceagent.config.document import Loc
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEvent, Message, ReplyOptions, Token
from voiceagent.errors import VoiceAgentError
from voiceagent.evals.check import Finding
from voiceagent.evals.dialogue import dialogue
from voiceagent.evals.record import Record
from voiceagent.evals.scenario import Scenario

PROMPT = (
    "You judge a telephone conversation between a user and an agent. You are given the conversation and one criterion. "
    'Answer "yes" if the agent meets the criterion, or "no" and the reason in one sentence. Say nothing else.'
)
TIMEOUT_S = 60.0
KEY = "OPENAI_API_KEY"
"""The environment variable that holds the key of an endpoint, if it wants one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a criterion is met, and the judge's words."""

    met: bool
    words: str


class Judge(Protocol):
    """Judges one criterion."""

    async def verdict(self, criterion: str, conversation: str) -> Verdict:
        """Return whether the agent meets it. Raises VoiceAgentError where the judge does not answer."""


class EndpointJudge:
    """A model at an OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1."""

    def __init__(self, url: str, model: str) -> None:
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._model = model

    async def verdict(self, criterion: str, conversation: str) -> Verdict:
        """Return whether the agent meets it. Raises VoiceAgentError where the judge does not answer."""
        key = os.environ.get(KEY)
        body = {
            "model": self._model,
            "temperature": 0,
            "messages": [
                {"role": message.role, "content": message.content} for message in _asked(criterion, conversation)
            ],
        }
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT_S) as http:
                headers = {"Authorization": f"Bearer {key}"} if key else {}
                answer = await http.post(self._url, json=body, headers=headers)
                answer.raise_for_status()
                words = str(answer.json()["choices"][0]["message"]["content"])
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, IndexError, TypeError) as error:
            raise VoiceAgentError(
                f"The judge at {self._url} gave no verdict ({str(error) or type(error).__name__}): check --judge, "
                f"--judge-model and {KEY}."
            ) from error
        return read(words)


class AgentJudge:
    """The agent's own language model, which has to say what it finds likeliest: yes or no."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def verdict(self, criterion: str, conversation: str) -> Verdict:
        """Return whether the agent meets it. Raises VoiceAgentError where the model fails."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        words: list[str] = []

        def take(event: LlmEvent) -> None:
            match event:
                case Token(text=text):
                    words.append(text)
                case Completed() if not done.done():
                    done.set_result(None)
                case StreamFailed(error=error) if not done.done():
                    done.set_exception(VoiceAgentError(f"The agent's model failed as a judge: {error}"))

        stream = self._agent.open_model(take)
        try:
            deadline = asyncio.get_running_loop().time() + TIMEOUT_S
            stream.generate(1, _asked(criterion, conversation), deadline, options=ReplyOptions(0.0, 48))
            async with asyncio.timeout(TIMEOUT_S):
                await done
        except TimeoutError:
            raise VoiceAgentError(f"The agent's model gave no verdict within {TIMEOUT_S:g} s.") from None
        finally:
            stream.close()
        return read("".join(words))


async def judged(scenario: Scenario, record: Record, judge: Judge | None) -> list[Finding]:
    """Return what a judge finds of every criterion; without one, that nobody was asked."""
    findings: list[Finding] = []
    for loc, criterion, until in _criteria(scenario, record):
        if judge is None:
            findings.append(Finding(loc, note=f"{criterion!r} was not judged: give a --judge"))
            continue
        lines = [f"{line.who}: {line.text}" for line in dialogue(record, until=until) if line.who != "heard"]
        verdict = await judge.verdict(criterion, "\n".join(lines))
        findings.append(Finding(loc, None if verdict.met else f"{criterion!r} is not met: {verdict.words}"))
    return findings


def read(words: str) -> Verdict:
    """Return a verdict from the judge's words; what begins with neither yes nor no is none of the two, and not met."""
    first = words.strip().strip("\"'*. ").lower()
    return Verdict(first.startswith("yes"), words.strip() or "the judge said nothing")


def _asked(criterion: str, conversation: str) -> tuple[Message, ...]:
    return (
        Message("system", PROMPT),
        Message("user", f"The conversation:\n{conversation}\n\nThe criterion: {criterion}\n\nIs it met, yes or no?"),
    )


def _criteria(scenario: Scenario, record: Record) -> list[tuple[Loc, str, float]]:
    """Return every criterion, where it stands, and up to when the conversation counts for it."""
    found: list[tuple[Loc, str, float]] = []
    for index, turn in enumerate(scenario.turns[: len(record.turns)]):
        until = record.turns[index + 1] if index + 1 < len(record.turns) else float("inf")
        for number, expected in enumerate(turn.expect):
            if expected.judged is not None:
                found.append((("turns", index, "expect", number, "judged"), expected.judged, until))
    return found + [(("judged", n), criterion, float("inf")) for n, criterion in enumerate(scenario.judged)]
