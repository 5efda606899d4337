"""Kernels, bytes and memory of every step that a GPU records as a graph, on a machine that has none.

An engine's own functions run on fake tensors of a GPU, which have a shape and a format and no values; what they call
is counted, before any of it is fused. `tests/benchmarks/test_captured.py` holds that none becomes more. With `--quick`
only the tiny dummies are looked at. It needs `voiceagent[nemo]` and a C++ compiler.
"""

import sys
from collections.abc import Sequence

from benchmarks import form
from benchmarks.captured.functions import ENGINES, Shape
from benchmarks.captured.report import numbers, show, summarise

NAME = "captured"


def main(arguments: Sequence[str]) -> int:
    """Count; return the exit status, 1 where a graph would refuse something."""
    line = form.parser(NAME, str(__doc__))
    line.add_argument("engine", choices=ENGINES, help="whose steps")
    line.add_argument("--plain", action="store_true", help="as where Triton's kernels cannot be used")
    options = line.parse_args(arguments)
    report = form.Report(NAME, form.command(NAME, arguments))
    report.keep(options.json)
    shapes: tuple[Shape, ...] = ("tiny",) if options.quick else ("tiny", "true")
    refused = False
    for shape in shapes:
        form.progress(f"a dummy of the {shape} shape")
        recordings = ENGINES[options.engine](shape, kernels=not options.plain)
        print(f"\n{shape}\n{show(recordings)}")
        report.samples[shape] = [{"function": name, **numbers(record)} for name, record in recordings.items()]
        report.summary |= summarise(shape, recordings)
        refused |= any(record.refused for name, record in recordings.items() if not name.startswith("tts.begin"))
    if options.json:
        report.write(options.json)
    return int(refused)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
