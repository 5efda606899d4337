"""Runs the client programs of this folder in environments of their own, and reads the JSON lines that they print."""

import asyncio
import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"


def python_of(environment: str) -> Path:
    """Return the Python of an environment: "clients" or "pipecat"."""
    python = ROOT / f".venv-{environment}" / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f"{python.parent.parent.name} is not there: run the tests with `make test-clients`")
    return python


async def run_python(environment: str, script: str, *arguments: str, timeout_s: float = 120) -> list[dict[str, Any]]:
    """Run a script of this folder to its end, while the event loop goes on; return what it printed.

    Raises AssertionError with its error output if it fails.
    """
    process = await asyncio.create_subprocess_exec(
        str(python_of(environment)),
        str(HERE / script),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ""},
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout_s)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, f"{script} ended with {process.returncode}: {err.decode()[-4000:]}"
    return [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]


def bundle(entry: str, folder: Path) -> Path:
    """Bundle a JavaScript module of this folder for the browser, with the npm packages it imports; return the file."""
    bundled = folder / Path(entry).with_suffix(".bundle.js").name
    command = [
        str(NODE_MODULES / "esbuild" / "bin" / "esbuild"),
        str(HERE / entry),
        "--bundle",
        "--format=esm",
        f"--outfile={bundled}",
        "--log-level=error",
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return bundled
