"""Every setting as a page of Markdown, from the models and their docstrings: docs/settings.md.

The engines are passed in.
"""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from voiceagent.config import schema
from voiceagent.config.concrete import EngineModels
from voiceagent.config.settings import ENGINE_SECTIONS, Settings
from voiceagent.config.show import one_line

Fields = Mapping[str, FieldInfo]

_TOP = """\
# Settings

`voiceagent config --reference` prints this page; `voiceagent config --show` prints what holds on this machine, and
where each value was written.

Settings are YAML, one section for each part of voiceagent:

```yaml
extends: cpu.yaml        # a file that is read first: a path, or a name in configs/
llm:
  max_tokens: 80
session:
  greeting: Good morning.
```

A single setting is overridden by `--set llm.max_tokens=80`, by the environment variable
`VOICEAGENT_LLM__MAX_TOKENS=80`, or in a program by `Agent(settings={"llm.max_tokens": 80})`. The later wins: the
defaults below, the file that is extended, the file, the environment, `--set`. Mappings are merged key by key, lists are
replaced. An unknown key, or a value that is not allowed, is an error that names the place. Relative paths count from
the working directory.

In `asr`, `llm`, `tts`, `vad` and `turn`, `engine` names the backend. What comes first below is common to all of a kind;
what comes under a backend is its own, and an error with any other. The command describes the backends of installed
packages, too.
"""


def reference(engines: EngineModels) -> str:
    """Return the page, ending with a newline. `engines` are those a section may name, the default first."""
    parts = [_TOP]
    for name, field in Settings.model_fields.items():
        section = schema.model_at(Settings, (name,))
        if name in ENGINE_SECTIONS:
            parts += _engine_section(name, engines[name])
        elif section:
            parts += [f"## {name}\n", *_about(section), *_tables(section.model_fields)]
        else:
            parts += [
                f"## {name}\n",
                f"{field.description} Takes {schema.allowed(field)}; by default `{_default(field)}`.\n",
            ]
            parts += _items({name: field})
    return "\n".join(parts)


def _engine_section(name: str, engines: Mapping[str, type[BaseModel]]) -> Iterator[str]:
    common = ENGINE_SECTIONS[name].model_fields
    yield f"## {name}\n"
    yield from _about(ENGINE_SECTIONS[name])
    first, *others = (f"`{engine}`" for engine in engines)
    yield f"`engine`: {', '.join([f'{first} (the default)', *others])}.\n"
    yield from _tables({key: field for key, field in common.items() if key != "engine"})
    for engine, model in engines.items():
        yield f"### {name}.engine: {engine}\n"
        yield from _about(model)
        yield from _tables(
            {
                key: field
                for key, field in model.model_fields.items()
                if key not in common or (key != "engine" and field.default != common[key].default)
            }
        )


def _about(model: type[BaseModel]) -> list[str]:
    return [f"{model.__doc__}\n"] if model.__doc__ else []


def _tables(fields: Fields) -> Iterator[str]:
    """Yield a table of the fields, and one for every section and every list of mappings among them."""
    if not fields:
        return
    yield "| setting | takes | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in fields.items():
        if schema.section_model(field):
            continue
        default = "(required)" if field.is_required() else f"`{_default(field)}`"
        yield _row(f"`{name}`", schema.allowed(field), default, field.description or "")
    yield ""
    yield from _items(fields)


def _items(fields: Fields) -> Iterator[str]:
    """Yield the tables of the sections, and of the mappings in a list."""
    for name, field in fields.items():
        if section := schema.section_model(field):
            yield f"In `{name}`: {section.__doc__}\n"
            yield from _tables(section.model_fields)
        if item := schema.item_model(field):
            yield f"Each of `{name}`: {item.__doc__}\n"
            yield from _tables(item.model_fields)


def _default(field: FieldInfo) -> str:
    return one_line(field.get_default(call_default_factory=True))


def _row(*cells: str) -> str:
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"
