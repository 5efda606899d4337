"""The items of one conversation, in order, as the client is shown them."""

from dataclasses import dataclass, field
from typing import Any

from voiceagent.doors.realtime.errors import EventError
from voiceagent.doors.realtime.outbox import Outbox, Wire, new_id

MOST_ITEMS = 2_000
"""Of a very long conversation, the oldest items are forgotten here, as the model has forgotten them long before."""
ROOT = "root"


@dataclass(slots=True)
class Spoken:
    """Where an item's audio lies in what the session has said."""

    generation: int
    begins_ms: float
    """Audio of the same generation before it."""
    segments: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Its words, by the number of their segment."""


@dataclass(slots=True, eq=False)
class Entry:
    """One item."""

    wire: Wire
    memory: str | None = None
    """What the session calls it; None where it remembers nothing of it."""
    spoken: Spoken | None = None

    @property
    def id(self) -> str:
        """The client's name for it."""
        return str(self.wire["id"])


class Conversation:
    """The items."""

    def __init__(self, outbox: Outbox) -> None:
        self.id = new_id("conv")
        self._outbox = outbox
        self._entries: list[Entry] = []

    def place(self, item_id: str, after: str | None) -> int:
        """Return where a new item goes: at the end, or after another one ("root": at the beginning).

        Raises EventError where there is no such item, or already one with its id.
        """
        if any(entry.id == item_id for entry in self._entries):
            raise EventError("item_already_exists", f"There is already an item {item_id}.", "item.id")
        if after is None:
            return len(self._entries)
        return 0 if after == ROOT else self._entries.index(self.find(after, "previous_item_id")) + 1

    def add(self, entry: Entry, place: int | None = None, *, done: bool = True) -> None:
        """Add an item at a place (None: the end), and tell the client."""
        self._entries.insert(len(self._entries) if place is None else place, entry)
        del self._entries[:-MOST_ITEMS]
        self.tell("added", entry)
        if done:
            self.tell("done", entry)

    def tell(self, what: str, entry: Entry) -> None:
        """Tell the client that an item was `added`, or is `done`."""
        place = self._entries.index(entry) if entry in self._entries else 0  # it may have been deleted meanwhile
        previous = self._entries[place - 1].id if place else None
        self._outbox.emit(f"conversation.item.{what}", previous_item_id=previous, item=entry.wire)

    def find(self, item_id: str, param: str = "item_id") -> Entry:
        """Return an item. Raises EventError."""
        for entry in self._entries:
            if entry.id == item_id:
                return entry
        raise EventError("item_not_found", f"There is no item {item_id}.", param)

    def before(self, place: int) -> Entry | None:
        """Return the item before a place; None: it is the beginning."""
        return self._entries[place - 1] if place else None

    def is_end(self, place: int) -> bool:
        """Return whether a place is the end."""
        return place == len(self._entries)

    @property
    def last_id(self) -> str | None:
        """The last item's id."""
        return self._entries[-1].id if self._entries else None

    def delete(self, item_id: str) -> Entry:
        """Remove an item, and return it. Raises EventError."""
        entry = self.find(item_id)
        self._entries.remove(entry)
        self._outbox.emit("conversation.item.deleted", item_id=item_id)
        return entry


def item(kind: str, item_id: str | None = None, **fields: Any) -> Wire:
    """Build an item."""
    return {"id": item_id or new_id("item"), "object": "realtime.item", "type": kind, **fields}


def message(role: str, content: list[Wire], status: str = "completed", item_id: str | None = None) -> Wire:
    """Build a message."""
    return item("message", item_id, role=role, status=status, content=content)
