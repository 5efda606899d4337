"""The responses that a door asks for: each has a number, and perhaps a configuration that is for it alone."""

from collections.abc import Callable
from dataclasses import replace

from voiceagent.engines.llm.contract import Message
from voiceagent.session.aside import Asides
from voiceagent.session.config import ConversationConfig
from voiceagent.session.responses import Own, Responses
from voiceagent.tools.toolbox import Chosen


class Requests:
    """One session's requests. `require` returns the tools of a configuration, or raises VoiceAgentError."""

    def __init__(self, require: Callable[[ConversationConfig], Chosen], responses: Responses, asides: Asides) -> None:
        self._require = require
        self._responses = responses
        self._asides = asides
        self._own: dict[int, Own] = {}
        """The configurations of those that wait."""
        self._number = 0

    def enter(self, config: ConversationConfig | None) -> int:
        """Take a request that waits for its turn; return its number. Raises VoiceAgentError for its configuration."""
        own = None if config is None else Own(config, self._require(config))
        self._number += 1
        if own is not None:
            self._own[self._number] = own
        return self._number

    def ask_apart(self, instructions: str, messages: tuple[Message, ...], config: ConversationConfig) -> int:
        """Have a reply made apart from the conversation; return the request's number.

        Raises VoiceAgentError for its configuration, and where there is no place for it.
        """
        apart = replace(config, tools=())
        prompt = self._responses.prompt(instructions, Own(apart, self._require(apart)), messages)
        self._number += 1
        self._asides.begin(self._number, prompt, apart)
        return self._number

    def take(self, request: int) -> Own | None:
        """Return the configuration that a request has to itself: it is being granted."""
        return self._own.pop(request, None)

    def withdraw(self, request: int) -> None:
        """Forget a request that waits, or is being answered apart."""
        self._own.pop(request, None)
        self._asides.withdraw(request)

    def close(self) -> None:
        """End what is made apart."""
        self._asides.close()
