"""The table of docs/clients.md names the clients that the tests run, in the versions that they are pinned to."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (PyPI|npm) `(\S+)`[^|]* \| ([\w.]+) \|[^|]*\| `(\S+)` \|", re.MULTILINE)
OLD_PIPECAT = "tests/clients/test_nemotron_services.py"
TOOLS = {"esbuild"}
"""Packages that are no clients."""


def pins(requirements: str) -> dict[str, str]:
    """Return the versions in a file of requirements, by package."""
    return dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / requirements).read_text(), re.MULTILINE))


def npm_pins() -> dict[str, str]:
    """Return the versions of the npm packages."""
    packages: dict[str, str] = json.loads((ROOT / "tests/clients/package.json").read_text())["dependencies"]
    return packages


def rows() -> list[tuple[str, str, str, str]]:
    """Return registry, package, version and test of each client in the table."""
    table = (ROOT / "docs/clients.md").read_text()
    found: list[tuple[str, str, str, str]] = ROW.findall(table)
    assert len(found) == len(re.findall(r"^\| (?:PyPI|npm) ", table, re.MULTILINE)), "a row is written otherwise"
    return found


def pinned(registry: str, package: str, test: str) -> str | None:
    """Return the version that a test runs with."""
    if registry == "npm":
        return npm_pins().get(package)
    if test == OLD_PIPECAT:
        return pins("tests/clients/pipecat.txt").get(package)
    return pins("tests/clients/clients.txt" if test.startswith("tests/clients/") else "constraints.txt").get(package)


def test_the_versions_are_those_that_the_tests_are_pinned_to() -> None:
    wrong = [
        (package, version, now)
        for registry, package, version, test in rows()
        if (now := pinned(registry, package, test)) != version
    ]
    assert wrong == [], "write the versions that are pinned now into docs/clients.md"


def test_every_client_that_is_pinned_for_the_tests_and_every_test_of_one_is_in_the_table() -> None:
    listed = rows()
    assert {package for registry, package, _, _ in listed if registry == "npm"} == npm_pins().keys() - TOOLS
    tests = {f"tests/clients/{file.name}" for file in (ROOT / "tests/clients").glob("test_*.py")}
    assert tests - {test for *_, test in listed} == {f"tests/clients/{Path(__file__).name}"}
