"""Pydantic's findings about a scenario in words: file, line, key, what is wrong and what is allowed."""

import difflib
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from voiceagent.config import schema
from voiceagent.config.document import Loc, Node, dotted
from voiceagent.config.errors import Problem
from voiceagent.config.explain import said
from voiceagent.evals.scenario import Pause


def explain(model: type[BaseModel], tree: Node, error: ErrorDetails) -> Problem:
    """Return a finding about what `tree` holds as a problem, at the place where it was written."""
    loc = error["loc"]
    if loc and loc[-1] in (str.__name__, Pause.__name__) and error["type"].endswith("_type"):
        loc = loc[:-1]
        message = f"should be text or a mapping with pause_ms, but is {said(error['input'])}; put text in quotes"
    elif error["type"] == "extra_forbidden":
        message = _unknown(_model_at(model, loc[:-1]) or model, str(loc[-1]))
    elif error["type"] == "missing":
        message = "is missing"
    elif error["type"] == "value_error":
        message = str(error["ctx"]["error"])
    else:
        message = _refused(model, loc, error)
    return Problem(tree.at(loc).origin, dotted(loc), message)


def _unknown(model: type[BaseModel], key: str) -> str:
    meant = difflib.get_close_matches(key, model.model_fields, n=1)
    guess = f", did you mean {meant[0]}?" if meant else ";"
    return f"there is no such key{guess} possible are {', '.join(model.model_fields)}"


def _refused(model: type[BaseModel], loc: Loc, error: ErrorDetails) -> str:
    but = f", but is {said(error['input'])}"
    if (there := _model_at(model, loc)) is not None:
        return f"should be a mapping with {', '.join(there.model_fields)}{but}"
    if error["type"] == "string_pattern_mismatch":
        return f"should match the pattern {error['ctx']['pattern']}{but}"
    owner = _model_at(model, loc[:-1])
    field = owner.model_fields.get(str(loc[-1])) if owner else None
    if field is not None and any(kind in schema.kinds(field.annotation) for kind in (str, int, float, bool)):
        text = f"should be {schema.allowed(field)}{but}"
        return f"{text}; put it in quotes" if schema.takes_text(field) and isinstance(error["input"], int) else text
    if field is not None and (words := [str(word) for word in schema.choices(field)]):
        meant = difflib.get_close_matches(str(error["input"]), words, n=1)
        return f"should be one of {', '.join(words)}{but}" + (f"; did you mean {meant[0]}?" if meant else "")
    return error["msg"].removeprefix("Input ") + but


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """Return the model of the mapping at `loc`, looking into lists and alternatives."""
    annotation: object = model
    for part in loc:
        found = _models(annotation)
        if isinstance(part, int) or not found:
            continue
        field = found[0].model_fields.get(part)
        if field is None:  # an alternative's name, as pydantic writes it
            continue
        annotation = field.annotation
    found = _models(annotation)
    return found[0] if found and (not loc or isinstance(loc[-1], int) or not _is_list(annotation)) else None


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _is_list(annotation: object) -> bool:
    return tuple in schema.kinds(annotation)
