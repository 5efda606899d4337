"""The pinned list of model files: which models exist, and where each file may come from.

`load_manifest` reads `manifest.toml` into frozen pydantic models and refuses every mistake with the model, the file and
the key it was found at. Nothing here knows where files lie on this machine or how they are fetched.
"""

import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from voiceagent.weights.errors import WeightsError

FORMAT = 1
UNKNOWN = "unknown"
"""The `sha256` of a file whose hash could not be obtained; only its size is checked then."""

REPOSITORY = Path(__file__).resolve().parents[2]
"""The checkout, when voiceagent runs from one; else the folder it is installed in."""

Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]  # becomes a path: no separators, nothing hidden
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class HubSource(_Entry):
    """One file of a Hugging Face repository at one revision (a commit wherever it is known)."""

    kind: Literal["huggingface"] = "huggingface"
    repo: Text
    revision: Text
    path: Text

    def __str__(self) -> str:
        return f"{self.repo} at {self.revision[:12]}"


class WheelSource(_Entry):
    """One member of a pinned Python wheel. `platform` is a wheel tag, for wheels that are not `any`."""

    kind: Literal["wheel"] = "wheel"
    package: Text
    version: Text
    member: Text
    platform: Text | None = None

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


Source = Annotated[HubSource | WheelSource, Field(discriminator="kind")]


class ModelFile(_Entry):
    """One file. `size` is in bytes, and approximate unless `exact`; `sha256` is None where no page states it."""

    name: Name
    size: int = Field(gt=0)
    exact: bool = True
    sha256: Annotated[Sha256 | None, BeforeValidator(lambda value: None if value == UNKNOWN else value)]
    sources: tuple[Source, ...] = Field(min_length=1, strict=False)


class Model(_Entry):
    """A named model: what it is for (`role`, `engine`), its licence and its files.

    `parameters` counts those that each token of a language model is computed with; None where that is not told.
    """

    name: Name
    role: Literal["asr", "llm", "tts", "codec", "vad", "turn"]
    engine: Text
    licence: Text
    parameters: int | None = Field(default=None, gt=0)
    default: bool = False
    files: tuple[ModelFile, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _require_names_of_their_own(self) -> Self:
        if len({file.name for file in self.files}) < len(self.files):
            raise ValueError("needs files each with its own name")
        return self

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    def file(self, name: str) -> ModelFile:
        """Return the file of that name. Raises WeightsError with the nearest name."""
        for file in self.files:
            if file.name == name:
                return file
        raise WeightsError(f"model {self.name} has no file {name!r}: {nearest(name, [f.name for f in self.files])}")


class Manifest(_Entry):
    """All models by name, in the order of the file."""

    models: dict[str, Model]

    @field_validator("models", mode="before")
    @classmethod
    def _with_names(cls, tables: Any) -> Any:
        if not isinstance(tables, dict):
            return tables
        return {key: table | {"name": key} if isinstance(table, dict) else table for key, table in tables.items()}

    def model(self, name: str) -> Model:
        """Return the model of that name. Raises WeightsError with the nearest name."""
        if name not in self.models:
            raise WeightsError(f"there is no model {name!r}: {nearest(name, self.models)}")
        return self.models[name]

    def defaults(self) -> list[str]:
        """Return the names of the embedded default set."""
        return [model.name for model in self.models.values() if model.default]


def nearest(given: str, known: Iterable[str]) -> str:
    """Return a hint for a name that was not found."""
    names = list(known)
    close = get_close_matches(given, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there is {', '.join(names)}"


def manifest_path() -> Path:
    """Return the manifest inside the installed package, else the one of the checkout. Raises WeightsError."""
    packaged = Path(str(resources.files("voiceagent.weights") / "manifest.toml"))
    checkout = REPOSITORY / "weights" / "manifest.toml"
    for path in (packaged, checkout):
        if path.is_file():
            return path
    raise WeightsError(f"the list of model files is missing ({packaged}, {checkout}): install voiceagent again")


def load_manifest(path: Path | None = None) -> Manifest:
    """Read and check a manifest, the shipped one by default. Raises WeightsError."""
    path = path or manifest_path()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WeightsError(f"cannot read {path}: {error}") from error
    if data.pop("format", None) != FORMAT:
        raise WeightsError(f"{path}: key 'format' must be {FORMAT}")
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        raise WeightsError(f"{path}: {_explained(error.errors()[0], data)}") from error


_MUST_BE = {
    "string_type": "a text",
    "string_too_short": "a text",
    "int_type": "a whole number",
    "greater_than": "above zero",
    "bool_type": "true or false",
    "tuple_type": "a list of tables",
    "too_short": "a list of one or more",
    "name": "of letters, digits, '.', '-' and '_'",
    "sha256": f"64 hexadecimal digits in lower case, or {UNKNOWN!r}",
}
"""By the type of pydantic's error or, where a pattern is not met, by the key."""


def _explained(details: ErrorDetails, data: Any) -> str:
    """Return the place of a mistake in the document, with files by their names, and what is wrong."""
    place = []
    for step in details["loc"]:
        if isinstance(step, str) and not (isinstance(data, dict) and step in data):
            continue  # a key that is missing, or no key but the kind of a source
        data = data[step]
        place.append(data["name"] if isinstance(step, int) and isinstance(data, dict) and "name" in data else step)
    key, given, context = str(details["loc"][-1]), details["input"], details.get("ctx", {})
    match details["type"]:
        case "missing" | "union_tag_not_found":
            problem = f"key {key if details['type'] == 'missing' else 'kind'!r} is missing"
        case "extra_forbidden":
            known = {field for entry in _Entry.__subclasses__() for field in entry.model_fields}
            problem = f"unknown key: {nearest(key, sorted(known))}"
        case "value_error":
            problem = str(context["error"])
        case kind:
            wanted = context.get("expected") or context.get("expected_tags") or _MUST_BE.get(kind)
            problem = f"must be {wanted or (_MUST_BE[key] if 'pattern' in context else 'a table')}, not {given!r}"
    return f"{' > '.join(map(str, place))}: {problem}"
