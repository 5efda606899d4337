"""The image's description: linted, of one mind with the pins, and built from nothing that should stay at home."""

import re
import subprocess
import sysconfig
from fnmatch import fnmatch
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]
HADOLINT = Path(sysconfig.get_path("scripts")) / "hadolint"


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> DockerfileParser:
    copy = tmp_path_factory.mktemp("image") / "Dockerfile"
    copy.write_text((ROOT / "Dockerfile").read_text())
    return DockerfileParser(path=str(copy))


def values(parsed: DockerfileParser, instruction: str) -> list[str]:
    return [step["value"] for step in parsed.structure if step["instruction"] == instruction]


def argument(parsed: DockerfileParser, name: str) -> str:
    return next(value.partition("=")[2].strip('"') for value in values(parsed, "ARG") if value.startswith(f"{name}="))


def let_through(path: str) -> bool:
    """Return whether .dockerignore, of which the last line that fits decides, lets a file into the build."""
    verdict = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!")
        at_any_depth = pattern.startswith("**/")
        parts = [part.name if at_any_depth else str(part) for part in (Path(path), *Path(path).parents)]
        if not line.startswith("#") and any(fnmatch(part, pattern.removeprefix("**/")) for part in parts):
            verdict = line.startswith("!")
    return verdict


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_default_target_is_the_one_without_a_gpu(parsed: DockerfileParser) -> None:
    assert values(parsed, "FROM")[-1] == "runtime AS cpu"
    assert "runtime AS cuda" in values(parsed, "FROM")


def test_both_targets_run_as_nobody_in_particular_and_are_told_to_stop(parsed: DockerfileParser) -> None:
    assert values(parsed, "USER") == ["10001:10001"]
    assert values(parsed, "ENTRYPOINT") == ['["voiceagent"]'], "process 1 is the one that SIGTERM should reach"
    assert values(parsed, "STOPSIGNAL") == ["SIGTERM"]
    after = [step["instruction"] for step in parsed.structure]
    assert "RUN" not in after[after.index("USER") :], "nothing is installed by whom it runs as"


def test_everything_that_is_copied_is_let_into_the_build(parsed: DockerfileParser) -> None:
    copied = [value.split() for value in values(parsed, "COPY") if "--from=" not in value]
    sources = {word for words in copied for word in words[:-1] if not word.startswith("--")} - {"."}
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert let_through(source), f"{source} is kept out by .dockerignore"


def test_what_the_package_is_made_of_is_let_into_the_build() -> None:
    for path in ("voiceagent/app/agent.py", "configs/cpu.yaml", "scenarios/greeting.yaml", "weights/manifest.toml"):
        assert (ROOT / path).is_file()
        assert let_through(path), path


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".git/config",
        ".venv/bin/python",
        "weights/smollm2-135m-instruct-q4_1/model.gguf",
        "traces/turns.jsonl",
        "voiceagent/app/__pycache__/agent.cpython-311.pyc",
        "token",
    ],
)
def test_what_should_stay_at_home_is_kept_out_of_the_build(path: str) -> None:
    assert not let_through(path)


def test_cudas_compiler_is_of_the_version_that_torch_brings(parsed: DockerfileParser) -> None:
    pinned = re.search(r"^cuda-toolkit==([\d.]+)", (ROOT / "constraints-nemo.txt").read_text(), re.MULTILINE)
    assert pinned
    assert pinned[1].startswith(argument(parsed, "CUDA_TOOLKIT") + ".")


def test_no_argument_of_the_build_is_meant_for_a_secret(parsed: DockerfileParser) -> None:
    names = {value.partition("=")[0] for value in values(parsed, "ARG")}
    assert not [name for name in names if re.search("TOKEN|KEY|SECRET|PASSWORD|INDEX", name)]
