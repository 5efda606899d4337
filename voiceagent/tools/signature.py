"""A Python function's arguments as JSON Schema, from its type hints and its docstring, and the way back."""

import inspect
import json
import re
from collections.abc import Callable
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from voiceagent.errors import VoiceAgentError

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):\s*$", re.MULTILINE)
_ARGUMENT = re.compile(r"^( +)(\w+)(?: *\([^)]*\))?: *(.+(?:\n\1 +.+)*)", re.MULTILINE)


class Signature:
    """A function's parameters.

    Raises VoiceAgentError when a model could not use it: no docstring, an argument without a type hint, `*args`.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._name = name
        self.description, about = _documented(name, function)
        self._model = self._model_of(function, about)
        schema = _untitled(self._model.model_json_schema(by_alias=True))
        del schema["additionalProperties"]  # models do not need it, and it would be in every prompt
        self.schema: str = json.dumps(schema, ensure_ascii=False)

    def bind(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments as the types that the function wants. Raises ValueError for the model to read."""
        try:
            bound = self._model.model_validate(arguments)
        except ValidationError as error:
            raise ValueError("; ".join(_complaint(dict(item)) for item in error.errors())) from error
        fields = type(bound).model_fields.items()
        return {str(field.alias): getattr(bound, place) for place, field in fields if place in bound.model_fields_set}

    def _model_of(self, function: Callable[..., Any], about: dict[str, str]) -> type[BaseModel]:
        try:
            hints = get_type_hints(function, include_extras=True)
        except NameError as error:
            raise VoiceAgentError(f"The tool {self._name} has a type hint that cannot be resolved: {error}.") from error
        fields: dict[str, Any] = {}
        for number, parameter in enumerate(inspect.signature(function).parameters.values()):
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise VoiceAgentError(
                    f"The tool {self._name} takes {parameter}: give every argument a name that the model can use."
                )
            if parameter.name not in hints:
                raise VoiceAgentError(f"The tool {self._name} needs a type hint for {parameter.name}.")
            default = ... if parameter.default is parameter.empty else parameter.default
            known: dict[str, Any] = {"description": about[parameter.name]} if parameter.name in about else {}
            # The field's own name cannot clash with names that pydantic reserves.
            fields[f"argument_{number}"] = (hints[parameter.name], Field(default, alias=parameter.name, **known))
        try:
            model: type[BaseModel] = create_model(self._name, __config__=ConfigDict(extra="forbid"), **fields)
            model.model_json_schema()
        except Exception as error:  # pydantic has a dozen errors for types it does not know
            raise VoiceAgentError(
                f"The tool {self._name} has an argument whose type cannot be described to a model: {error}"
            ) from error
        return model


def _documented(name: str, function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """Return what a docstring says of the function, and of each argument (Google style)."""
    text = inspect.getdoc(function) or ""
    _, *sections = _SECTION.split(text)
    description = " ".join(_SECTION.split(text)[0].split())
    if not description:
        raise VoiceAgentError(f"The tool {name} needs a docstring: it is all that the model sees of its purpose.")
    about: dict[str, str] = {}
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        if title in ("Args", "Arguments", "Parameters"):
            about |= {argument: " ".join(said.split()) for _, argument, said in _ARGUMENT.findall(body)}
    return description, about


def _untitled(schema: Any) -> Any:
    """Leave out the titles that pydantic makes from names: they add nothing for a model."""
    if isinstance(schema, dict):
        return {
            key: _untitled(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))
        }
    return [_untitled(item) for item in schema] if isinstance(schema, list) else schema


def _complaint(error: dict[str, Any]) -> str:
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
