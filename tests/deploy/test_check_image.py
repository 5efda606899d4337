"""How long each step of a build of the image takes, as `scripts/check-image` reads it from buildah's output."""

import importlib.util
import io
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[2]
OUTPUT = """\
[2/10] STEP 1/2: FROM localhost/debian:bookworm-slim AS python
[2/10] STEP 2/2: RUN apt-get update  && apt-get install --yes python3
Get:1 http://deb.example bookworm InRelease
--> c1f4a1bfd6f
[3/10] STEP 1/2: FROM c1f4a1bfd6f AS llama-cpu
STEP of a compiler: no step
[3/10] STEP 2/2: RUN scripts/build-llama --wheel-dir /built
[4/10] STEP 1/1: RUN uv pip install --constraint constraints.txt
[4/10] COMMIT localhost/voiceagent:cpu
"""
BEGINS_AT, ENDS_AT = (0.0, 0.0, 20.0, 21.0, 140.0), 170.0
"""When the steps of the output begin, in seconds, and when the last one ends."""


@pytest.fixture(scope="module")
def check_image() -> ModuleType:
    loader = SourceFileLoader("check_image", str(ROOT / "scripts" / "check-image"))
    spec = importlib.util.spec_from_loader("check_image", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_each_step_takes_until_the_next_begins(check_image: ModuleType) -> None:
    now = 0.0

    def lines() -> Iterator[str]:
        nonlocal now
        begins = iter(BEGINS_AT)
        for line in OUTPUT.splitlines(keepends=True):
            now = next(begins) if "] STEP" in line else now
            yield line
        now = ENDS_AT

    steps = [{"step": what, "s": took} for what, took in check_image.timed(lines(), lambda: now)]
    assert [step["s"] for step in steps] == [0.0, 20.0, 1.0, 119.0, 30.0]
    assert check_image.parts_of(steps) == {"build_debian_s": 20.0, "build_llama_s": 119.0, "build_packages_s": 30.0}


def test_a_part_of_the_build_that_was_not_seen_is_no_zero(check_image: ModuleType) -> None:
    with pytest.raises(SystemExit, match="no step of the build was seen to be that of llama, packages"):
        check_image.parts_of([{"step": "RUN apt-get install --yes python3", "s": 20.0}])


def test_the_parts_that_are_told_apart_are_steps_of_the_image_without_a_gpu(check_image: ModuleType) -> None:
    dockerfile = io.BytesIO((ROOT / "Dockerfile").read_bytes())
    steps = DockerfileParser(fileobj=dockerfile).structure
    for part in check_image.PARTS.values():
        assert any(part in " ".join(step["value"].split()) for step in steps if step["instruction"] == "RUN"), part


@pytest.mark.parametrize("arguments", [["--json", "x"], ["--json", "x", "--fresh", "build"], ["nothing"]])
def test_what_is_no_whole_build_is_not_reported(
    check_image: ModuleType, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        check_image.main(arguments)
    assert "error:" in capsys.readouterr().err
