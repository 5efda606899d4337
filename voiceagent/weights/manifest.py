"""The pinned list of model files: which models exist, and where each file may come from.

`load_manifest` reads `manifest.toml` into frozen dataclasses and refuses every mistake with the model, the file and
the key it was found at. Nothing here knows where files lie on this machine or how they are fetched.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

from voiceagent.weights.errors import WeightsError

FORMAT = 1
ROLES = ("asr", "llm", "tts", "codec", "vad", "turn")
UNKNOWN = "unknown"
"""The `sha256` of a file whose hash could not be obtained; only its size is checked then."""

REPOSITORY = Path(__file__).resolve().parents[2]
"""The checkout, when voiceagent runs from one; else the folder it is installed in."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # becomes a path: no separators, nothing hidden


@dataclass(frozen=True, slots=True)
class HubSource:
    """One file of a Hugging Face repository at one revision (a commit wherever it is known)."""

    repo: str
    revision: str
    path: str

    def __str__(self) -> str:
        return f"{self.repo} at {self.revision[:12]}"


@dataclass(frozen=True, slots=True)
class WheelSource:
    """One member of a pinned Python wheel. `platform` is a wheel tag, for wheels that are not `any`."""

    package: str
    version: str
    member: str
    platform: str | None = None

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


Source = HubSource | WheelSource


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file. `size` is in bytes, and approximate unless `exact`; `sha256` is None where no page states it."""

    name: str
    size: int
    exact: bool
    sha256: str | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A named model: what it is for (`role`, `engine`), its licence and its files."""

    name: str
    role: str
    engine: str
    licence: str
    default: bool
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    def file(self, name: str) -> ModelFile:
        """The file of that name. Raises WeightsError."""
        for file in self.files:
            if file.name == name:
                return file
        raise WeightsError(f"model {self.name} has no file {name!r}: {nearest(name, [f.name for f in self.files])}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """All models by name, in the order of the file."""

    models: Mapping[str, Model]

    def model(self, name: str) -> Model:
        """The model of that name. Raises WeightsError with the nearest name."""
        if name not in self.models:
            raise WeightsError(f"there is no model {name!r}: {nearest(name, self.models)}")
        return self.models[name]

    def defaults(self) -> list[str]:
        """Names of the embedded default set."""
        return [model.name for model in self.models.values() if model.default]


def nearest(given: str, known: Iterable[str]) -> str:
    """A hint for a name that was not found."""
    names = list(known)
    close = get_close_matches(given, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there is {', '.join(names)}"


def manifest_path() -> Path:
    """The manifest inside the installed package, else the one of the checkout. Raises WeightsError."""
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
    top = _Table(data, str(path))
    if top.take("format", int) != FORMAT:
        raise WeightsError(f"{path}: key 'format' must be {FORMAT}")
    models = {
        str(name): _model(str(name), _Table(table, f"{path}, model {name!r}"))
        for name, table in top.take("models", dict).items()
    }
    top.finish()
    return Manifest(models)


def embedded_models() -> list[str]:
    """Names of the models that the embedded default configuration needs."""
    return load_manifest().defaults()


class _Table:
    """A TOML table from which every key must be taken exactly once."""

    def __init__(self, data: object, where: str) -> None:
        self.where = where
        if not isinstance(data, dict):
            raise self.error("must be a table")
        self._left: dict[str, Any] = dict(data)
        self._taken: list[str] = []

    def error(self, problem: str) -> WeightsError:
        return WeightsError(f"{self.where}: {problem}")

    def has(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str, kind: type[Any], default: Any = None) -> Any:
        self._taken.append(key)
        if key not in self._left and default is not None:
            return default
        if key not in self._left:
            raise self.error(f"key {key!r} is missing")
        value = self._left.pop(key)
        if type(value) is not kind or value == "":
            raise self.error(f"key {key!r} must be {_KINDS[kind]}, not {value!r}")
        return value

    def finish(self) -> None:
        for key in self._left:
            raise self.error(f"unknown key {key!r}: {nearest(key, self._taken)}")


_KINDS = {str: "a text", int: "a whole number", bool: "true or false", dict: "a table", list: "a list of tables"}


def _model(name: str, table: _Table) -> Model:
    if not _NAME.fullmatch(name):
        raise table.error("a model's name may hold letters, digits, '.', '-' and '_'")
    role = table.take("role", str)
    if role not in ROLES:
        raise table.error(f"key 'role' must be one of {', '.join(ROLES)}, not {role!r}")
    model = Model(
        name=name,
        role=role,
        engine=table.take("engine", str),
        licence=table.take("licence", str),
        default=table.take("default", bool, default=False),
        files=tuple(_file(entry, table.where) for entry in table.take("files", list)),
    )
    names = [file.name for file in model.files]
    if not names or len(set(names)) < len(names):
        raise table.error("needs one or more files, each with its own name")
    table.finish()
    return model


def _file(entry: object, where: str) -> ModelFile:
    table = _Table(entry, where)
    name = table.take("name", str)
    table.where = f"{where}, file {name!r}"
    if not _NAME.fullmatch(name):
        raise table.error("a file's name may hold letters, digits, '.', '-' and '_'")
    exact = not table.has("size_about")
    size = table.take("size" if exact else "size_about", int)
    if size <= 0:
        raise table.error("the size must be above zero")
    sha256 = table.take("sha256", str)
    if sha256 != UNKNOWN and not _SHA256.fullmatch(sha256):
        raise table.error(f"key 'sha256' must be 64 hexadecimal digits in lower case, or {UNKNOWN!r}")
    sources = tuple(_source(source, table.where) for source in table.take("sources", list))
    if not sources:
        raise table.error("key 'sources' is empty")
    table.finish()
    return ModelFile(name, size, exact, None if sha256 == UNKNOWN else sha256, sources)


def _source(entry: object, where: str) -> Source:
    table = _Table(entry, f"{where}, a source")
    kind = table.take("kind", str)
    source: Source
    if kind == "huggingface":
        source = HubSource(table.take("repo", str), table.take("revision", str), table.take("path", str))
    elif kind == "wheel":
        source = WheelSource(
            package=table.take("package", str),
            version=table.take("version", str),
            member=table.take("member", str),
            platform=table.take("platform", str) if table.has("platform") else None,
        )
    else:
        raise table.error(f"key 'kind' must be 'huggingface' or 'wheel', not {kind!r}")
    table.finish()
    return source
