"""Why a small model falls into one answer: the same 24 questions, as text, with one measure against it added at a time.

No call and no sound: each question goes through a session's history and the language model's engine, as a call would
send it, and the reply back into the history. The measures are those of docs/decisions.md; the replies are printed.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import form, replies
from benchmarks.ordinary import LISTS
from voiceagent.app.conversation import conversation_config
from voiceagent.app.engines import build_engine
from voiceagent.app.settings import load_settings
from voiceagent.engines.drive import drive
from voiceagent.engines.llm.contract import Completed, LlmEvent, Message, Token
from voiceagent.errors import VoiceAgentError
from voiceagent.session.history import History
from voiceagent.session.repetition import Opening, Said, SaidBefore, without
from voiceagent.session.reply import Reply
from voiceagent.session.response import ATTEMPTS

NAME = "loops"
OFF = ("llm.dry_multiplier=0", "llm.opening_penalty=0")


@dataclass(frozen=True, slots=True)
class Case:
    """A combination of measures."""

    name: str
    sets: tuple[str, ...]
    guard: bool


CASES = (
    Case("none", OFF, guard=False),
    Case("two turns of history", (*OFF, "session.history_turns=2"), guard=False),
    Case("guard", OFF, guard=True),
    Case("guard and dry", ("llm.opening_penalty=0",), guard=True),
    Case("all", (), guard=True),
)


class Talk:
    """One conversation in text, with the measures of a case."""

    def __init__(self, case: Case) -> None:
        settings = load_settings("cpu.yaml", case.sets).settings
        self._engine = build_engine("llm", settings, ())
        self._engine.load()
        config = self._config = conversation_config(settings)
        self._history = History(config.system_prompt, config.budget_tokens, config.max_turns, self._engine.count_tokens)
        self._said = SaidBefore()
        self._guard = case.guard
        self._events: list[LlmEvent] = []
        self._stream = self._engine.open(self._events.append)
        self._generation = 0
        self.again = 0
        """Replies that were made again."""
        self._remember(config.greeting)

    def ask(self, question: str) -> str:
        """Return the reply to a question."""
        earlier = self._said.against(question, self._config.language)
        messages = self._history.with_user(question)
        for draw in range(ATTEMPTS + 1):
            segments = self._reply(messages, earlier, draw)
            if not self._guard or draw == ATTEMPTS or not (culprit := repeated(segments, earlier, question)):
                break
            self.again += 1
            kept = without(messages, culprit if draw + 1 < ATTEMPTS else None)
            messages = kept if kept != messages else without(messages, None)
        reply = " ".join("".join(segments).split())
        self._history.add_user(question)
        self._said.note_user(question)
        self._remember(reply)
        return reply

    def close(self) -> None:
        """Free the model."""
        self._stream.close()
        self._engine.close()

    def _reply(self, messages: tuple[Message, ...], earlier: tuple[Said, ...], draw: int) -> list[str]:
        self._generation += 1
        self._events.clear()
        options = replace(self._config.reply_options, said=tuple(said.text for said in earlier), draw=draw)
        self._stream.generate(self._generation, messages, 0.0, options=options)
        drive(self._engine)
        reply, segments = Reply(self._config.segmenter(self._config.language), messages), list[str]()
        for event in self._events:
            if isinstance(event, Token):
                segments += reply.push(event.text)
            elif isinstance(event, Completed):
                segments += reply.finish(cut=event.reason == "length" and bool(segments))
        return segments

    def _remember(self, text: str) -> None:
        if text:
            self._history.add_agent([Message("assistant", text)])
            self._said.note_agent(text)
        self._history.trim()


def repeated(segments: Sequence[str], earlier: tuple[Said, ...], question: str) -> str:
    """Return the earlier reply that this one begins to repeat; "" for none."""
    opening = Opening(earlier, question)
    for number, segment in enumerate(segments, 1):
        if opening.judge([segment], whole=number == len(segments)) or opening.culprit:
            break
    return opening.culprit


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("--list", choices=sorted(LISTS), nargs="+", default=sorted(LISTS), help="which questions")
    options = line.parse_args(arguments)
    report = form.Report(NAME, form.command(NAME, arguments))
    on_topic = replies.judge().on_topic
    for case in CASES[:: len(CASES) - 1] if options.quick else CASES:
        for name in options.list:
            talk, questions = Talk(case), LISTS[name]
            exchanges = [(question, talk.ask(question)) for question in questions]
            talk.close()
            verdicts = on_topic(exchanges)
            samples: list[dict[str, Any]] = [
                {"heard": question, "reply": reply, "on_topic": verdict}
                for (question, reply), verdict in zip(exchanges, verdicts, strict=True)
            ]
            report.samples[f"{case.name}, {name}"] = samples
            found = replies.summary([reply for _, reply in exchanges], verdicts) | {"made_again_count": talk.again}
            key = f"{case.name} {name}".replace(" ", "_")
            report.summary |= {f"{measure}_{key}": value for measure, value in found.items()}
            form.progress(f"\n{case.name}, {name}: {found}\n{replies.show(samples)}")
    if options.json:
        report.write(options.json)
    print(form.results(report.summary, ()))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except VoiceAgentError as error:
        sys.exit(f"Error: {error}")
