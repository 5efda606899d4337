"""The pages for people: their links lead somewhere, what they name is there, and the generated ones are up to date."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from voiceagent.app.settings import load_settings
from voiceagent.config.reference import reference
from voiceagent.engines.registry import BUILT_IN, engine_models

ROOT = Path(__file__).parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
MOST_CORE_LINES = 6000
COUNT_TOLERANCE = 20
"""Lines by which a file may have changed since it was counted."""
OF_OTHERS = {
    "Failed building wheel for llama-cpp-python",  # pip
    "CMAKE_CXX_COMPILER not set",  # CMake
    "ensurepip is not available",  # Debian's python3
    "Killed",  # the shell
    "out of memory",  # the compiler
    "Late answers",  # a heading
}
"""What docs/troubleshooting.md quotes that is not said by our code."""

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def without_code(text: str) -> str:
    """Return Markdown without its blocks of code."""
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield the links of a page that lead to a file: what is written, the file, the anchor."""
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            yield link, (page.parent / path).resolve() if path else page, anchor


@pages
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [
        link
        for link, file, anchor in links(page)
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file))
    ]
    assert broken == []


def tracked() -> list[str]:
    """Return the files of the repository."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, **TEXT)
    return listed.stdout.splitlines() if listed.returncode == 0 else []


TEXT = {"capture_output": True, "text": True, "check": False}


@pages
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    if not (files := tracked()):
        pytest.skip("not a checkout")
    named = re.findall(r"`([\w./-]+\.(?:py|yaml|toml|js|svg|json|md))`", page.read_text())
    named = [name for name in named if not re.search(r"\b[A-Z]{2,}/", name)]  # engines/KIND/contract.py
    assert [name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in files)] == []


@pages
def test_every_setting_that_a_page_sets_is_there(page: Path) -> None:
    written = re.findall(r"--set[ =](\w+)\.(\w+)=|`(\w+)\.(\w+): [^`]*`", page.read_text())
    for section, key in {(one or three, two or four) for one, two, three, four in written}:
        models = engine_models().get(section)
        of_section = type(getattr(load_settings("scripted").settings, section))
        fields = {name for model in (models or {section: of_section}).values() for name in model.model_fields}
        assert key in fields, f"{section}.{key}"


def test_what_troubleshooting_quotes_is_what_people_read() -> None:
    sources = [
        ROOT / "Makefile",
        *(ROOT / "voiceagent").rglob("*.py"),
        *(ROOT / "voiceagent").rglob("*.js"),
        *(ROOT / "voiceagent").rglob("*.html"),
    ]
    said = "\n".join(file.read_text() for file in sources)
    said = re.sub(r"([\"'])\s*\n\s*f?\1", "", said)  # one text, written in two
    page = re.sub(r"`[^`\n]*`", "", (ROOT / "docs" / "troubleshooting.md").read_text())
    quoted = set(re.findall(r'"([^"\n]+)"', page))
    assert quoted > OF_OTHERS
    assert [quote for quote in sorted(quoted - OF_OTHERS) if quote not in said] == []


def test_the_page_of_settings_is_up_to_date() -> None:
    models = {
        section: {name: model for name, model in engines.items() if f"{section}.{name}" in BUILT_IN}
        for section, engines in engine_models().items()
    }
    written = (ROOT / "docs" / "settings.md").read_text()
    assert written == reference(models), "A setting has changed: voiceagent config --reference > docs/settings.md"


def core_path() -> dict[Path, int]:
    """Return the files of the core path, with the number of lines that docs/architecture.md gives."""
    table = (
        (ROOT / "docs" / "architecture.md").read_text().partition("<!-- core path -->")[2].partition("<!-- end -->")[0]
    )
    rows = re.findall(r"^\| `(\S+)` \| (\d+) \|", table, re.MULTILINE)
    assert len(rows) == len(table.strip().splitlines()) - 2, "a row is not `file` | lines | is"
    return {ROOT / "voiceagent" / file: int(lines) for file, lines in rows}


def test_words_are_those_of_today() -> None:
    """CONTRIBUTING.md lists the words that are not used, in pages and texts of the program alike."""
    listed = re.search(r"No ((?:\"[\w ]+\",? ?)+)", (ROOT / "CONTRIBUTING.md").read_text())
    assert listed
    words = re.compile("|".join(rf"\b{word}\b" for word in re.findall(r'"([\w ]+)"', listed[1])), re.IGNORECASE)
    ours = re.compile(
        r"(README|CHANGELOG)\.md|(docs|voiceagent|configs|examples|deploy|scenarios)/.*\.(md|py|js|yaml|html)"
    )
    found = [(file, *words.findall((ROOT / file).read_text())) for file in tracked() if ours.fullmatch(file)]
    assert [each for each in found if len(each) > 1] == []


def lines_of(file: Path) -> int:
    return len(file.read_text().splitlines())


def test_the_core_path_is_an_evenings_reading() -> None:
    assert sum(map(lines_of, core_path())) <= MOST_CORE_LINES


def test_the_core_path_is_counted_right() -> None:
    counts = {str(file.relative_to(ROOT)): (given, lines_of(file)) for file, given in core_path().items()}
    wrong = {file: actual for file, (given, actual) in counts.items() if abs(given - actual) > COUNT_TOLERANCE}
    assert wrong == {}, "write these into the core path of docs/architecture.md"


def test_the_core_path_has_every_file_of_a_conversation() -> None:
    """What the tour says is at its heart: the machine, the coordinator, the policy, the playout."""
    names = {str(file.relative_to(ROOT / "voiceagent")) for file in core_path()}
    assert {"session/machine.py", "session/coordinator.py", "scheduler/policy.py", "audio/playout.py"} <= names


def test_the_first_program_of_the_readme_is_the_first_example() -> None:
    program = (ROOT / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    assert program
    assert program in (ROOT / "examples" / "hello.py").read_text()
