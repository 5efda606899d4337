"""What a client asks of the language model, and the conversation it makes. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator

from voiceagent.doors.openai.errors import InvalidRequestError
from voiceagent.engines.llm.contract import Message, ToolCall, ToolSpec

NO_PARAMETERS = '{"type": "object", "properties": {}}'
MOST_MESSAGES = 1024


class Part(BaseModel):
    """A part of a message."""

    type: str
    text: str | None = None
    refusal: str | None = None

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("text", "refusal"):
            raise ValueError(f"the model reads text only, and no {value}")
        return value


class Function(BaseModel):
    """A function that is called."""

    name: str
    arguments: str = "{}"

    @field_validator("arguments")
    @classmethod
    def _object(cls, value: str) -> str:
        try:
            whole = isinstance(json.loads(value or "{}"), dict)
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            raise ValueError("arguments are a JSON object, as text")
        return value or "{}"


class Call(BaseModel):
    """A call of a function."""

    id: str
    function: Function


class ChatMessage(BaseModel):
    """One message."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """Its text, parts put together."""
        if isinstance(self.content, list):
            return "".join(part.text or part.refusal or "" for part in self.content)
        return self.content or ""


class Declared(BaseModel):
    """A function that may be called."""

    name: str = Field(pattern=r"^[\w.-]{1,64}$")
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(BaseModel):
    """A tool."""

    type: Literal["function"] = "function"
    function: Declared

    @property
    def spec(self) -> ToolSpec:
        """As the model is told of it."""
        parameters = json.dumps(self.function.parameters) if self.function.parameters else NO_PARAMETERS
        return ToolSpec(self.function.name, self.function.description or "", parameters)


class Named(BaseModel):
    """A function by name."""

    name: str


class Choice(BaseModel):
    """The choice of one function."""

    type: Literal["function"] = "function"
    function: Named


class StreamOptions(BaseModel):
    """What a stream tells besides."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """The parameters that have an effect. Others are ignored, except for those that `refused` names."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    model: str | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | Choice | None = None
    stop: Annotated[str, Field(min_length=1)] | Annotated[list[str], Field(max_length=4)] | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    seed: int | None = None
    n: Literal[1] | None = 1

    @property
    def stops(self) -> tuple[str, ...]:
        """The texts that end the reply."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(filter(None, self.stop or ()))

    @property
    def most_tokens(self) -> int | None:
        """The longest reply, if the client says."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    def conversation(self) -> tuple[Message, ...]:
        """Return the messages as the model takes them. Raises InvalidRequestError."""
        messages = list(_joined(_message(number, one) for number, one in enumerate(self.messages)))
        _require_answers(messages)
        specs = tuple(tool.spec for tool in self._offered())
        messages[0] = replace(messages[0], tools=specs)
        if specs and (words := self._must()):
            head = messages[0] if messages[0].role == "system" else Message("system", "", tools=specs)
            rest = messages[1:] if messages[0].role == "system" else [replace(messages[0], tools=()), *messages[1:]]
            messages = [replace(head, content=f"{head.content}\n\n{words}".strip()), *rest]
        return tuple(messages)

    def _offered(self) -> Sequence[Tool]:
        tools, choice = self.tools or [], self.tool_choice
        if isinstance(choice, Choice):
            chosen = [tool for tool in tools if tool.function.name == choice.function.name]
            if not chosen:
                raise InvalidRequestError(
                    f"tool_choice names {choice.function.name!r}, which is not in tools.", "tool_choice"
                )
            return chosen
        if choice == "required" and not tools:
            raise InvalidRequestError("tool_choice is required, and there are no tools.", "tool_choice")
        return [] if choice == "none" else tools

    def _must(self) -> str:
        """Return the words that have the model call a function; "" where it need not."""
        if isinstance(self.tool_choice, Choice):
            return f"Call the function {self.tool_choice.function.name} now, and write nothing else."
        return "Call one of your functions now, and write nothing else." if self.tool_choice == "required" else ""


REFUSED: dict[str, tuple[Any, ...]] = {
    "response_format": (None, {"type": "text"}),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "logit_bias": (None, {}),
    "functions": (None,),
    "function_call": (None,),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "web_search_options": (None,),
}
"""Parameters that would change what a client gets, and the values that ask for nothing."""


def require_possible(given: dict[str, Any]) -> None:
    """Raise InvalidRequestError for a parameter that would be ignored at the client's cost."""
    for name, harmless in REFUSED.items():
        if name in given and given[name] not in harmless:
            raise InvalidRequestError(f"{name} is not supported here: leave it out.", name, "unsupported_parameter")


def _message(number: int, given: ChatMessage) -> Message:
    calls = tuple(ToolCall(call.id, call.function.name, call.function.arguments) for call in given.tool_calls or ())
    if calls and given.role != "assistant":
        raise InvalidRequestError("Only the assistant calls tools.", f"messages.{number}.tool_calls")
    if given.role == "tool" and not given.tool_call_id:
        raise InvalidRequestError("A tool's message has a tool_call_id.", f"messages.{number}.tool_call_id")
    if given.content is None and not calls:
        raise InvalidRequestError("A message has content.", f"messages.{number}.content")
    role = "system" if given.role == "developer" else given.role
    return Message(role, given.text, calls=calls, call_id=given.tool_call_id or "")


def _joined(messages: Iterator[Message]) -> Iterator[Message]:
    """Yield the messages, system messages in a row as one: most templates take one."""
    held: Message | None = None
    for message in messages:
        if held is not None and held.role == message.role == "system":
            held = replace(held, content=f"{held.content}\n\n{message.content}")
            continue
        if held is not None:
            yield held
        held = message
    if held is not None:
        yield held


def _require_answers(messages: Sequence[Message]) -> None:
    """Raise InvalidRequestError unless each call is answered, and each answer is one to a call."""
    open_calls: set[str] = set()
    for message in messages:
        if message.role == "tool":
            if message.call_id not in open_calls:
                raise InvalidRequestError(f"There is no open call with the id {message.call_id!r}.", "messages")
            open_calls.remove(message.call_id)
        elif open_calls:
            break
        open_calls |= {call.id for call in message.calls}
    if open_calls:
        raise InvalidRequestError(f"These calls have no answer: {', '.join(sorted(open_calls))}.", "messages")
