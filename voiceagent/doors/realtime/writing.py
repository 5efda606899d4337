"""What a client writes into the conversation: messages, which the session remembers, and what is taken out again."""

from contextlib import suppress

from voiceagent.doors.realtime.conversation import Conversation, Entry, message
from voiceagent.doors.realtime.errors import EventError
from voiceagent.doors.realtime.events.items import Content, Item, Message
from voiceagent.doors.realtime.events.responses import Reference
from voiceagent.doors.realtime.outbox import Wire
from voiceagent.doors.realtime.response import content
from voiceagent.engines.llm.contract import Message as Prompt
from voiceagent.errors import VoiceAgentError
from voiceagent.session.coordinator import Session


def write(said: Message, after: str | None, conversation: Conversation, session: Session) -> None:
    """Add a message at the end, or after an item. Raises EventError for content that the model does not understand."""
    parts = [_shown(said.role, part) for part in said.content]
    entry = Entry(message(said.role, parts, item_id=said.id))
    place = conversation.place(entry.id, after)
    entry.memory = session.remember(said.role, text_of(entry.wire), after=_memory(place, conversation))
    conversation.add(entry, place)


def erase(item_id: str, conversation: Conversation, session: Session) -> None:
    """Remove an item; one that the session has forgotten already is removed all the same. Raises EventError."""
    entry = conversation.delete(item_id)
    if entry.memory is not None:
        with suppress(VoiceAgentError):
            session.forget(entry.memory)


def prompt_of(items: list[Item | Reference], conversation: Conversation) -> list[Prompt]:
    """Return items as the model is given them, in place of the conversation. Raises EventError."""
    prompt: list[Prompt] = []
    for item in items:
        match item:
            case Reference():
                wire = conversation.find(item.id, "response.input").wire
            case Message():
                wire = message(item.role, [_shown(item.role, part) for part in item.content])
            case _:
                raise EventError("unsupported_item", "Calls cannot be part of an input of its own.", "response.input")
        if wire["type"] == "message" and (text := text_of(wire)):
            prompt.append(Prompt("assistant" if wire["role"] == "assistant" else "user", text))
    return prompt


def text_of(wire: Wire) -> str:
    """Return what is said in a message."""
    return " ".join(part.get("text") or part.get("transcript") or "" for part in wire["content"]).strip()


def _memory(place: int, conversation: Conversation) -> str | None:
    """Return what the session calls the item before a place; "" is the beginning, None the end."""
    if conversation.is_end(place):
        return None
    before = conversation.before(place)
    if before is not None and before.memory is None:
        raise EventError("invalid_value", f"Nothing can be added after {before.id}.", "previous_item_id")
    return "" if before is None else before.memory


def _shown(role: str, part: Content) -> Wire:
    """Return a part as the client is shown it."""
    if part.type == "input_image":
        raise EventError("unsupported_content", "The model does not see: describe the image.", "item.content")
    text = part.text if part.text is not None else part.transcript
    if text is None:
        raise EventError(
            "unsupported_content",
            "Send audio by input_audio_buffer.append; in an item it needs its transcript.",
            "item.content",
        )
    spoken = "audio" in part.type
    if role == "assistant":
        return content(text, spoken=spoken)
    return {"type": "input_audio", "transcript": text} if spoken else {"type": "input_text", "text": text}
