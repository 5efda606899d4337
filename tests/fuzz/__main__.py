"""Fuzz one target, or all in turn: `python -m fuzz sdp --seconds 600`, in `tests/`. `make fuzz`: all, a minute in all.

With `--guided` atheris leads the inputs by the lines that they reach; without it they are random changes of right ones.
An input at which a target raises is kept in the folder `--found`, and ends the run with status 1.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path


def plain(name: str, seconds: float, found: Path) -> bool:
    """Run a target with random changes; return whether it held."""
    from fuzz.mutate import mutated
    from fuzz.seeds import SEEDS
    from fuzz.targets import TARGETS

    until, runs, taken = time.monotonic() + seconds, 0, 0
    chance = random.Random()
    while time.monotonic() < until:
        data = mutated(SEEDS[name], chance)
        try:
            taken += TARGETS[name](data) is not None
        except Exception as error:
            found.mkdir(parents=True, exist_ok=True)
            path = found / f"{name}-{sha256(data).hexdigest()[:12]}"
            path.write_bytes(data)
            print(f"{name}: {error!r} after {runs:,} inputs; the input is {path}", file=sys.stderr)
            return False
        runs += 1
    print(f"{name}: {runs:,} inputs, {taken:,} of them taken up", flush=True)
    return True


def guided(name: str, seconds: float, found: Path) -> None:
    """Run a target under atheris, which ends this process, and sees only what is imported here for the first time."""
    import atheris

    with atheris.instrument_imports(include=["voiceagent"]):
        from fuzz.seeds import SEEDS
        from fuzz.targets import TARGETS

    if name not in SEEDS:
        sys.exit(unknown([name], SEEDS))
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS[name]):
            (Path(corpus) / f"seed{number}").write_bytes(seed)
        options = [f"-max_total_time={seconds:.0f}", "-max_len=4000", "-timeout=20", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], corpus, f"-artifact_prefix={found}/{name}-", *options], TARGETS[name])
        atheris.Fuzz()


def unknown(names: Iterable[str], seeds: Iterable[str]) -> str:
    """Return what is wrong with these names."""
    return f"There is no target {', '.join(sorted(names))}; there are {', '.join(seeds)}."


def main() -> int:
    """Fuzz; return the exit status."""
    line = argparse.ArgumentParser(prog="python -m fuzz")
    line.add_argument("targets", nargs="*", metavar="TARGET", help="a name in fuzz/targets.py; default: all")
    line.add_argument("--seconds", type=float, default=60.0, help="in all")
    line.add_argument("--found", type=Path, default=Path("build/fuzz"), help="where inputs go at which a target raises")
    line.add_argument("--guided", action="store_true", help="by coverage, with atheris, each in a process of its own")
    options = line.parse_args()
    if options.guided and len(options.targets) == 1:
        guided(options.targets[0], options.seconds, options.found)
    from fuzz.seeds import SEEDS

    names = options.targets or list(SEEDS)
    if strange := set(names) - set(SEEDS):
        line.error(unknown(strange, SEEDS))
    each = options.seconds / len(names)
    held = []
    for name in names:
        if options.guided:
            command = [sys.executable, "-m", "fuzz", name, "--guided", "--seconds", f"{each}", "--found", options.found]
            held.append(subprocess.run(command, check=False).returncode == 0)
        else:
            held.append(plain(name, each, options.found))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
