"""The settings' models seen as a table: which fields there are, and what may stand at a location.

Knows pydantic's models, and neither files nor mistakes.
"""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from voiceagent.config.document import Loc

_NOUNS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    tuple: "a list",
    dict: "a mapping",
}
_LIMITS = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "min_length": "not empty"}


def fields(model: type[BaseModel], prefix: Loc = ()) -> Iterator[tuple[Loc, FieldInfo]]:
    """Every setting's location and field, in the order of the models."""
    for name, field in model.model_fields.items():
        section = _model(field.annotation)
        if section:
            yield from fields(section, (*prefix, name))
        else:
            yield (*prefix, name), field


def model_at(settings: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """The model of the mapping at `loc` of the settings, also inside a list; None where no mapping belongs."""
    annotation: object = settings
    for part in loc:
        model = _model(annotation)
        if model:
            field = model.model_fields.get(str(part))
            annotation = field.annotation if field else None
        else:
            annotation = next(iter(get_args(annotation)), None)
    return _model(annotation)


def field_at(settings: type[BaseModel], loc: Loc) -> FieldInfo | None:
    """The field at `loc`; None where there is none, as for an item of a list."""
    model = model_at(settings, loc[:-1])
    return model.model_fields.get(str(loc[-1])) if model else None


def choices(field: FieldInfo) -> list[str | int]:
    """The words or numbers among which the field's value must be; empty where it is no such choice."""
    return [kind for kind in kinds(field.annotation) if isinstance(kind, str | int)]


def takes_text(field: FieldInfo) -> bool:
    """Whether the field holds text, a choice of words or a path: what is written for it needs no quotes."""
    words = any(isinstance(choice, str) for choice in choices(field))
    return words or not {str, Path}.isdisjoint(kinds(field.annotation))


def takes_null(field: FieldInfo) -> bool:
    """Whether the field may be null."""
    return NoneType in kinds(field.annotation)


def texts_for_null(field: FieldInfo) -> tuple[str, ...]:
    """How null is written for the field; nothing is null, too, unless an empty text is a value of its own."""
    return ("~", "null") if field.annotation == str | None else ("", "~", "null")


def allowed(field: FieldInfo) -> str:
    """The values that a field takes: `a whole number, at least 0, at most 65535`, `one of silero, scripted`."""
    words = [str(choice) for choice in choices(field)]
    nouns = [_NOUNS[kind] for kind in kinds(field.annotation) if isinstance(kind, type) and kind in _NOUNS]
    limits = [
        phrase.format(getattr(limit, name))
        for limit in field.metadata
        for name, phrase in _LIMITS.items()
        if hasattr(limit, name)
    ]
    text = ", ".join([f"one of {', '.join(words)}" if words else nouns[0], *limits])
    return text + (" or null" if takes_null(field) else "")


def section_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of the field's own mapping; None for what is no section."""
    return _model(field.annotation)


def item_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of the mappings that a list holds; None for what is no list of mappings."""
    return _model(next(iter(get_args(field.annotation)), None))


def kinds(annotation: object) -> tuple[object, ...]:
    """The alternatives of a type: `Path | None` as (Path, NoneType), `Literal["a", "b"]` as ("a", "b")."""
    origin = get_origin(annotation)
    if origin is Literal:
        return get_args(annotation)
    if origin is Annotated:
        return kinds(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return tuple(kind for part in get_args(annotation) for kind in kinds(part))
    return (origin or annotation,)


def _model(annotation: object) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
