"""Compiling llama.cpp says how far it is, and what to do when it fails."""

import importlib.util
import io
import os
import re
import subprocess
import sys
import zipfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "build-llama"
PIP = """\
Collecting llama-cpp-python==0.3.36
  Downloading llama_cpp_python-0.3.36.tar.gz (76.6 MB)
Building wheels for collected packages: llama-cpp-python
  Running command Building wheel for llama-cpp-python (pyproject.toml)
  *** Configuring CMake...
  -- Performing Test GGML_MACHINE_SUPPORTS_i8mm [1/2] no step
{steps}
  *** Installing project into wheel...
Successfully built llama-cpp-python
"""
"""What pip prints, shortened."""


def load() -> ModuleType:
    """Import the script, which has no suffix."""
    loader = SourceFileLoader("build_llama", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


script = load()


def fake_nvcc(folder: Path, said: str) -> None:
    """Put an nvcc into a folder that says which release it is."""
    folder.mkdir(exist_ok=True)
    (folder / "nvcc").write_text(f"#!/bin/sh\necho '{said}'\n")
    (folder / "nvcc").chmod(0o755)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (None, "There is no nvcc .*CUDA toolkit 13"),
        ("Cuda compilation tools, release 12.8, V12.8.61", "is of CUDA 12, and torch brings the libraries of CUDA 13"),
        ("something else", "is of no release that it tells"),
        ("Cuda compilation tools, release 13.0, V13.0.88", "^$"),
    ],
)
def test_a_gpus_llama_is_compiled_with_the_cuda_that_torch_is_made_for(
    said: str | None, wrong: str, tmp_path: Path
) -> None:
    if said is not None:
        fake_nvcc(tmp_path, said)
    assert re.search(wrong, script.nvcc({"PATH": str(tmp_path)}))


def test_for_a_gpu_its_options_come_before_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvcc(tmp_path / "bin", "release 13.1, V13.1.1")
    asked: list[dict[str, str]] = []

    def build(command: list[str], environment: dict[str, str], log: Path, progress: object) -> int:
        asked.append(environment)
        log.touch()
        return 0

    monkeypatch.setattr(script, "build", build)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA_FORCE_MMQ=ON")
    assert script.main(["--wheel-dir", str(tmp_path / "wheels"), "--cuda", "121"]) == 0
    given = asked[0]["CMAKE_ARGS"].split()
    places = [
        given.index(one) for one in ("-DGGML_CUDA=ON", "-DCMAKE_CUDA_ARCHITECTURES=121", "-DGGML_CUDA_FORCE_MMQ=ON")
    ]
    assert places == sorted(places)


def test_without_nvcc_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "build", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDACXX", raising=False)
    assert script.main(["--wheel-dir", str(tmp_path / "wheels"), "--cuda", "120"]) == 1
    assert "no nvcc" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Time that passes by 2 s between any two looks at it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 2.0
        return self.now


def compiled(out: io.StringIO, steps: int, log: io.StringIO | None = None) -> str:
    lines = "\n".join(f"  [{number}/{steps}] /usr/bin/c++ -o {number}.o" for number in range(1, steps + 1))
    progress = script.Progress(out, Clock())
    script.follow(PIP.format(steps=lines).splitlines(keepends=True), log or io.StringIO(), progress)
    assert progress.total == steps
    return out.getvalue()


def test_elsewhere_there_is_a_line_every_ten_percent() -> None:
    lines = compiled(io.StringIO(), 80).splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        f"Compiling llama.cpp: {share} %" for share in range(10, 101, 10)
    ]


def test_the_time_left_is_what_the_rest_takes_at_the_pace_so_far() -> None:
    lines = compiled(io.StringIO(), 80).splitlines()
    # 39 steps of 2 s have passed when the 40th begins, and so has half of it all.
    assert lines[4] == "Compiling llama.cpp: 50 % (about 78 s left)"
    assert lines[0] == "Compiling llama.cpp: 10 % (about 2 min left)"
    assert lines[-1] == "Compiling llama.cpp: 100 %"


def test_on_a_terminal_one_line_moves() -> None:
    text = compiled(Terminal(), 80)
    assert "\n" not in text
    assert text.count("\r") == 80
    assert "Compiling llama.cpp: 1 %\r" in text  # too early to say how long
    assert text.endswith("100 %")


def test_all_that_pip_says_is_in_the_log() -> None:
    log = io.StringIO()
    compiled(io.StringIO(), 3, log)
    assert log.getvalue().startswith("Collecting llama-cpp-python")
    assert "[2/3] /usr/bin/c++ -o 2.o" in log.getvalue()


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("CMake Error: No CMAKE_CXX_COMPILER could be found.", "sudo apt install build-essential"),
        ('The C compiler "/usr/bin/cc" is not able to compile a simple test program.', "xcode-select --install"),
        ("fatal error: error writing to /tmp/x.s: No space left on device", "The disk is full"),
        ("c++: fatal error: Killed signal terminated program cc1plus", "CMAKE_BUILD_PARALLEL_LEVEL=1"),
        ("ERROR: No matching distribution found for llama-cpp-python==0.3.36", "network"),
    ],
)
def test_a_known_failure_comes_with_advice(said: str, advice: str, tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("\n".join([*map(str, range(100)), said, "  error: subprocess-exited-with-error"]))
    text = script.explain(log)
    assert advice in text
    assert said in text
    assert str(log) in text
    assert "\n70\n" not in text  # only its end


def test_an_unknown_failure_shows_the_end_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("one\ntwo\n")
    assert script.explain(log).startswith("one\ntwo\n\nNo wheel of llama-cpp-python")


@pytest.mark.parametrize(("status", "steps"), [(0, 20), (3, 7)])
def test_a_process_is_followed_to_its_end(status: int, steps: int, tmp_path: Path) -> None:
    child = f"""import sys
for number in range({steps}):
    print(f'[{{number + 1}}/20] x', flush=True)
print('end', file=sys.stderr)
sys.exit({status})
"""
    log, out = tmp_path / "build.log", io.StringIO()
    progress = script.Progress(out)
    assert script.build([sys.executable, "-c", child], dict(os.environ), log, progress) == status
    assert log.read_text().endswith(f"[{steps}/20] x\nend\n")
    assert f"Compiling llama.cpp: {5 * steps // 10 * 10} %" in out.getvalue()


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script where pip finds no index, only what is in `folder`."""
    closed = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
    }
    command = [sys.executable, str(SCRIPT), "--wheel-dir", str(folder / "wheels")]
    return subprocess.run(
        command, env={**os.environ, **closed, **environment}, capture_output=True, text=True, check=False
    )


def wheel(folder: Path) -> Path:
    """Make a wheel of the pinned version with nothing in it."""
    version = script.pinned()
    path = folder / f"llama_cpp_python-{version}-py3-none-any.whl"
    info = f"llama_cpp_python-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_a_wheel_that_pip_finds_is_taken_instead_of_compiling(tmp_path: Path) -> None:
    found = wheel(tmp_path)
    done = run(tmp_path, PATH="/nowhere")  # without a compiler
    assert done.returncode == 0, done.stderr
    assert "Found a wheel of llama-cpp-python" in done.stdout
    assert [path.name for path in (tmp_path / "wheels").iterdir()] == [found.name]


def test_with_a_wheel_there_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    wheel(tmp_path / "wheels")
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_compiler_it_is_said_what_to_install(tmp_path: Path) -> None:
    done = run(tmp_path, PATH="/nowhere")
    assert done.returncode == 1
    assert "no C and C++ compiler" in done.stderr
    assert "sudo apt install build-essential" in done.stderr


def test_a_failed_build_leaves_its_log_and_says_where(tmp_path: Path) -> None:
    done = run(tmp_path, CC="cc", CXX="c++")
    assert done.returncode == 1
    log = tmp_path / "wheels" / "build-llama.log"
    assert str(log) in done.stderr
    assert "No matching distribution" in log.read_text()
    assert "pip could not fetch it" in done.stderr
