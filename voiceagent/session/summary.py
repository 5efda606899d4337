"""The summary of a conversation's beginning, written by the session's own model while nobody speaks.

The model is asked as if the user did, so it has already read everything but the question; a reply that is dropped costs
nothing but itself. What it writes changes no prompt by itself: the history shows it when it next drops turns. A summary
that fails changes nothing.
"""

import asyncio
import logging

from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEvent, LlmStream, Message, ReplyOptions, Token, ToolCalls
from voiceagent.engines.llm.reply_text import ReplyText
from voiceagent.session.config import ConversationConfig
from voiceagent.session.history import History
from voiceagent.text import ends_sentence, words

log = logging.getLogger(__name__)

SUMMARY = -2
"""The generation of all summaries; responses count from 1, and -1 is no generation."""
SUMMARY_TOKENS = 80
WITHIN_S = 60.0
"""No caller waits for it: whatever else is speculative comes first."""
INSTRUCTION = (
    "(Set the conversation aside for a moment. Write a summary of all of it so far for your own memory: at most four "
    "short sentences, in the third person. First the facts about the user, such as names, wishes and plans, then what "
    "was agreed and what is open. Keep what you know from earlier. Write the summary and nothing else.)"
)
_MARKUP = str.maketrans("", "", "<>[]{}|")
"""A system message is the operator's: what others said must not spell a chat template's control tokens there."""


class Summariser:
    """Makes the summaries of one session's history on its stream, one at a time."""

    def __init__(self, stream: LlmStream, history: History, session: str) -> None:
        self._stream = stream
        self._history = history
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._asked: tuple[Message, ...] | None = None
        """The history that the summary under way is of."""
        self._failed: tuple[Message, ...] | None = None
        """A history that is not worth a second try."""
        self._written, self._text = ReplyText(), ""

    def proceed(self, config: ConversationConfig, *, quiet: bool) -> None:
        """Begin the summary that is due while it is quiet; drop the one under way when it no longer is."""
        if not quiet:
            self._drop()
        elif config.summarise and self._asked is None and self._history.summary_due:
            self._begin(self._history.messages, config)

    def take(self, event: LlmEvent) -> None:
        """Take what the language model made of it."""
        if self._asked is None:
            return
        match event:
            case Token():
                self._text += self._written.feed(event.text)
                if self._written.over:
                    self._stream.cancel(SUMMARY)
                    self._complete(cut=True)
            case ToolCalls():
                self._fail("it calls tools")
            case Completed(_, reason):
                self._complete(cut=reason == "length")
            case StreamFailed():
                self._fail(str(event.error))

    def _begin(self, history: tuple[Message, ...], config: ConversationConfig) -> None:
        if history == self._failed:
            return
        self._asked, self._written, self._text = history, ReplyText(history), ""
        deadline, options = self._loop.time() + WITHIN_S, ReplyOptions(config.temperature, SUMMARY_TOKENS)
        try:
            prompt = self._history.with_question(INSTRUCTION, config.context_tokens - SUMMARY_TOKENS)
            if prompt is None:
                self._fail("there is no room for the question")
            else:
                self._stream.generate(SUMMARY, prompt, deadline, need=Need.SPECULATIVE, options=options)
        except Exception as error:  # an engine that refuses must not end what called: a frame of audio, say
            self._fail(str(error))

    def _complete(self, *, cut: bool) -> None:
        text = self._text + self._written.finish()
        summary = plain(text, cut=cut)
        if self._written.calling:
            self._fail("it calls tools")
        elif not words(summary):
            self._fail("it is empty")
        else:
            self._asked = None
            self._history.summarise(summary)
            log.debug("the conversation is summarised", extra={"session": self._session})

    def _fail(self, why: str) -> None:
        self._drop(failed=self._asked)
        log.debug("no summary: %s", why, extra={"session": self._session})

    def _drop(self, failed: tuple[Message, ...] | None = None) -> None:
        if self._asked is not None:
            self._asked, self._failed = None, failed
            self._stream.cancel(SUMMARY)


def plain(text: str, *, cut: bool) -> str:
    """Return a summary as one line without markup; of one that was cut short, the whole sentences."""
    line = " ".join(text.translate(_MARKUP).split())
    while cut and line and not ends_sentence(line):
        line = line.rpartition(" ")[0]
    return line
