"""Pydantic's findings in words: the place, the key, what is wrong, what was probably meant, what is allowed."""

import difflib
import reprlib

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from voiceagent.config import schema
from voiceagent.config.concrete import EngineModels
from voiceagent.config.document import Loc, Node, dotted
from voiceagent.config.errors import Problem
from voiceagent.config.origins import DEFAULT
from voiceagent.config.section import BROKEN_ORDER
from voiceagent.config.settings import Settings


class Explainer:
    """Knows which settings there are with the engines that are named, and where in `tree` each was written."""

    def __init__(self, settings: type[Settings], tree: Node, engines: EngineModels) -> None:
        self._settings = settings
        self._tree = tree
        self._engines = engines

    def explain(self, error: ErrorDetails) -> Problem:
        """Return pydantic's finding as a problem, at the place where the value was written."""
        loc, context = error["loc"], error.get("ctx", {})
        if error["type"] == BROKEN_ORDER:
            return self._contradiction((*loc, context["smaller"]), (*loc, context["larger"]))
        if error["type"] == "extra_forbidden":
            message = self._unknown(loc)
        elif error["type"] == "missing":
            message = "is missing"
        elif error["type"] == "value_error":
            message = str(context["error"])
        else:
            message = self._refused(loc, error)
        return Problem(self._tree.at(loc).origin, dotted(loc), message)

    def misshapen(self, layer: Node) -> list[Problem]:
        """Return the sections of one file or override that are not mappings of settings."""
        assert isinstance(layer.value, dict)
        return [
            Problem(node.origin, section, _not_a_mapping(model, node.value))
            for section, node in layer.value.items()
            if (model := schema.model_at(self._settings, (section,))) and not isinstance(node.value, dict | None)
        ]

    def _contradiction(self, smaller: Loc, larger: Loc) -> Problem:
        """Blame the setting that was written, the smaller one if both were."""
        low, high = self._tree.at(smaller), self._tree.at(larger)
        if low.origin == DEFAULT:
            message = f"should be at least {dotted(smaller)} ({low.value}), but is {high.value}"
            return Problem(high.origin, dotted(larger), message)
        message = f"should be at most {dotted(larger)} ({high.value}), but is {low.value}"
        return Problem(low.origin, dotted(smaller), message)

    def _refused(self, loc: Loc, error: ErrorDetails) -> str:
        model, field = schema.model_at(self._settings, loc), schema.field_at(self._settings, loc)
        if model:
            return _not_a_mapping(model, error["input"])
        if field is None:
            return error["msg"].removeprefix("Input ")
        text = f"should be {schema.allowed(field)}"
        if field.repr:  # else it is a secret
            text += f", but is {said(error['input'])}"
        if schema.takes_text(field) and isinstance(error["input"], int | float):
            return f"{text}; put it in quotes"
        words = [choice for choice in schema.choices(field) if isinstance(choice, str)]
        meant = difflib.get_close_matches(str(error["input"]), words, n=1)
        return f"{text}; did you mean {meant[0]}?" if meant else text

    def _unknown(self, loc: Loc) -> str:
        model = schema.model_at(self._settings, loc[:-1]) or self._settings
        where = f"{dotted(loc[:-1])} has" if len(loc) > 1 else "the sections are"
        if len(loc) == 2 and (models := self._engines.get(str(loc[0]))):
            engine = self._tree.at((loc[0], "engine")).value
            if owners := [name for name, other in models.items() if loc[1] in other.model_fields]:
                owner = " and ".join(owners)
                return f"is a setting of {owner}, but {loc[0]}.engine is {engine}; remove it or change the engine"
        meant = self._meant(loc, model)
        guess = f", did you mean {meant}?" if meant else ";"
        return f"there is no such setting{guess} {where} {', '.join(model.model_fields)}"

    def _meant(self, loc: Loc, model: type[BaseModel]) -> str | None:
        """Return the key next to it that looks most alike, else the only setting elsewhere that has this very name."""
        alike = difflib.get_close_matches(str(loc[-1]), model.model_fields, n=1)
        elsewhere = [known for known, _ in schema.fields(self._settings) if known[-1] == loc[-1]]
        if alike:
            return dotted((*loc[:-1], alike[0]))
        return dotted(elsewhere[0]) if len(elsewhere) == 1 else None


def said(value: object) -> str:
    """A value as its writer would recognise it, shortened."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return reprlib.repr(value)


def _not_a_mapping(model: type[BaseModel], value: object) -> str:
    return f"should be a mapping with {', '.join(model.model_fields)}, but is {said(value)}"
