"""The floors, and no circle of imports between files; import-linter holds the floors' order (pyproject.toml)."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

MODULES = grimp.build_graph("voiceagent", exclude_type_checking_imports=True)


def circles() -> list[set[str]]:
    """Return the groups of files that import each other in a circle (Tarjan's strongly connected components)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[set[str]] = []

    def visit(module: str) -> None:
        number[module] = lowest[module] = len(number)
        path.append(module)
        for imported in MODULES.find_modules_directly_imported_by(module):
            if imported not in number:
                visit(imported)
                lowest[module] = min(lowest[module], lowest[imported])
            elif imported in path:
                lowest[module] = min(lowest[module], number[imported])
        if lowest[module] == number[module]:
            group = {path.pop()}
            while module not in group:
                group.add(path.pop())
            if len(group) > 1:
                found.append(group)

    for module in MODULES.modules:
        if module not in number:
            visit(module)
    return found


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles() == []


def test_no_file_is_longer_than_400_lines() -> None:
    root = Path(__file__).parents[1]
    folders = ("voiceagent", "tests", "benchmarks", "examples")
    listed = [path for folder in folders for path in (root / folder).rglob("*")]
    files = [path for path in listed if path.suffix in (".py", ".js", ".css") and "node_modules" not in path.parts]
    lines = {str(path.relative_to(root)): path.read_text().count("\n") for path in files}
    assert {name: count for name, count in lines.items() if count > 400} == {}


HEAVY = ("pydantic", "numpy", "starlette", "aiortc", "onnxruntime", "llama_cpp", "torch", "openai", "huggingface_hub")


@pytest.mark.parametrize("code", ["import voiceagent", "from voiceagent.cli.main import cli"])
def test_what_is_imported_at_once_brings_no_library_with_it(code: str) -> None:
    script = f"{code}; import sys; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_public_names_are_there() -> None:
    script = "import voiceagent; print([name for name in voiceagent.__all__ if not getattr(voiceagent, name)])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    import voiceagent

    with pytest.raises(AttributeError, match="no attribute 'agent_of_chaos'"):
        voiceagent.agent_of_chaos  # noqa: B018
