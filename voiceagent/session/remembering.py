"""What a session remembers, for doors and programs to read and change: items by name, and facts that stay."""

from voiceagent.session.facts import pinned, unpinned
from voiceagent.session.history import History
from voiceagent.session.items import Item, Role


class Remembering:
    """The part of a session that is about its memory. It knows no turns, and nothing of what is being said."""

    _history: History

    @property
    def items(self) -> tuple[Item, ...]:
        """What is remembered of the conversation, in order: what was said, and what `remember` added."""
        return self._history.items

    def remember(self, role: Role, text: str, *, after: str | None = None) -> str:
        """Add a message to the conversation, at its end or after an item ("" is the beginning); return its item's name.

        Nobody answers it by themselves. A "system" message is the operator's, in the midst of the conversation.
        Raises VoiceAgentError for a message without words, and for an item that there is not.
        """
        item = self._history.add(role, text, after)
        self._on_change()
        return item

    def forget(self, item: str) -> None:
        """Remove an item from the conversation. Raises VoiceAgentError for one that there is not."""
        self._history.forget(item)
        self._on_change()

    def pin(self, fact: str) -> None:
        """Tell the model a fact in every prompt from the next one on, whatever is dropped or configured meanwhile.

        Raises VoiceAgentError if prompt, tools and facts leave no room for a conversation; then it is not pinned.
        """
        facts = pinned(self._history.facts, fact)
        self._require_room(facts)
        self._history.facts = facts
        self._on_change()

    def unpin(self, fact: str) -> None:
        """No longer tell a fact that was pinned. Raises VoiceAgentError for another, listing those that are."""
        self._history.facts = unpinned(self._history.facts, fact)
        self._on_change()

    def _require_room(self, facts: tuple[str, ...]) -> None:
        """Raise VoiceAgentError where these facts leave no room for a conversation."""
        raise NotImplementedError

    def _on_change(self) -> None:
        """The conversation is another than what is being prepared knows."""
        raise NotImplementedError
