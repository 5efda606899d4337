"""Whom a log line is about, without every call saying so: fields (session, turn) that hold while something is done.

They follow a context variable, into tasks, timers and the threads of lanes, tools and handlers, and are asked for when
a line is written, so that a task that lives for a whole call names the turn of the moment. What a line says itself
(`extra`) counts more. Knows neither sessions nor turns.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar, Token, copy_context
from functools import wraps
from inspect import iscoroutinefunction
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

Fields = Callable[[], Mapping[str, object]]
"""Returns the fields of a line that is being written, on whatever thread."""

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_fields: ContextVar[Fields | None] = ContextVar("voiceagent_log_fields", default=None)


@contextmanager
def about(fields: Fields) -> Iterator[None]:
    """Have lines that are written within it carry these fields."""
    token = _fields.set(fields)
    try:
        yield
    finally:
        _end(token)


def about_from_now_on(fields: Fields) -> None:
    """Have the lines of the task under way carry these fields, and those of all that it begins."""
    _fields.set(fields)


def about_each(fields: Callable[[Any], Mapping[str, object]]) -> Callable[[type[T]], type[T]]:
    """Decorate a class: lines that are written in its methods, `__init__` and properties left out, carry the fields of
    the object whose method it is."""

    def decorate(kind: type[T]) -> type[T]:
        for name, method in list(vars(kind).items()):
            if isinstance(method, FunctionType) and not name.startswith("__"):
                setattr(kind, name, _of_object(method, fields))
        return kind

    return decorate


def about_object(owner: T, fields: Callable[[T], Mapping[str, object]], call: Callable[P, R]) -> Callable[P, R]:
    """Return `call` as a function whose lines carry the fields of `owner`."""

    def named(*args: P.args, **kwargs: P.kwargs) -> R:
        with about(lambda: fields(owner)):
            return call(*args, **kwargs)

    return named


def about_nobody() -> Context:
    """Return a context for what outlives its occasion, or serves many: its lines carry no fields."""
    context = copy_context()
    context.run(_fields.set, None)
    return context


def about_the_same() -> Context:
    """Return a context for what shall be told as of now, whatever the turn is when it writes a line."""
    known, context = dict(current()), copy_context()
    context.run(_fields.set, lambda: known)
    return context


def current() -> Mapping[str, object]:
    """Return the fields of a line that is written now."""
    fields = _fields.get()
    return {} if fields is None else fields()


class AboutFilter(logging.Filter):
    """Adds the fields to records that do not have them, for any handler; it lets every record through.

    A record that names another session is not touched.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields."""
        fields = current()
        if getattr(record, "session", session := fields.get("session")) == session:
            for name, value in fields.items():
                if not hasattr(record, name):
                    setattr(record, name, value)
        return True


def _of_object(method: Callable[..., Any], fields: Callable[[Any], Mapping[str, object]]) -> Callable[..., Any]:
    if iscoroutinefunction(method):

        @wraps(method)
        async def named_task(self: object, *args: Any, **kwargs: Any) -> Any:
            with about(lambda: fields(self)):
                return await method(self, *args, **kwargs)

        return named_task

    @wraps(method)
    def named(self: object, *args: Any, **kwargs: Any) -> Any:
        token = _fields.set(lambda: fields(self))
        try:
            return method(self, *args, **kwargs)
        finally:
            _fields.reset(token)

    return named


def _end(token: Token[Fields | None]) -> None:
    with suppress(ValueError):  # a coroutine that is thrown away ends in another context than it began in
        _fields.reset(token)
