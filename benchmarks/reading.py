"""What reading costs: the time `speakable` takes for a sentence, and a segmenter for a token of a reply.

Both run on the event loop between a token and the voice, so a caller waits for them. Sentences of plain words, and ones
dense with numbers, dates and signs, are timed apart; of several passes the fastest counts, for a process beside it
only ever makes it slower.
"""

import re
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks import form
from benchmarks.form import Target
from voiceagent.text import Segmenter, speakable
from voiceagent.text.partings import words_said

NAME = "reading"
TARGETS = (Target("plain_ms_max", 1.0), Target("dense_ms_max", 1.0), Target("first_segment_ms_max", 10.0))
PASSES, QUICK_PASSES = 200, 20

PLAIN = (
    "The deepest part of the sea is the Challenger Deep, in the western Pacific Ocean.",
    "Well, when you come to think of it a little longer, there is no end to it.",
    "I can certainly help you with that; would you like me to book the table for you now?",
    "**Stir** the sauce slowly, then add the *butter*, and let it rest while the pasta cooks.",
    "That depends on how much time you have and whether you would rather walk or take the train.",
)
DENSE = (
    "It costs $1,234.56 on May 5, 2023 at 7:30 p.m., or about 20% more than in 1999.",
    "Your order number is 4471982; call (212) 555-0147, ext. 12, between 9 a.m. and 5 p.m.",
    "Dr. Smith lives at 45 N. Oak Dr., 3.5 km from St. Mary's, and pays a $1.4 billion loan.",
    r"The area is $\frac{a^2}{2}$ at 192.168.1.1:8080, or https://www.example.com/docs/api.",
    "Open Mon–Fri 9:30-17:00, June 5-7, for €3,50 or US$20, in the XXI century and room 204.",
)
TOKENS = re.compile(r" ?[A-Za-z]+|\s*\d|\s+|[^\w\s]")


def fastest_ms(run: Callable[[], object], passes: int) -> float:
    """Return the least time in ms that a run takes."""
    times = []
    for _ in range(passes):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return round(1000 * min(times), 4)


def slowest_push_ms(text: str) -> float:
    """Return the longest time in ms that one token of a text takes, up to its first segment."""
    words_said.cache_clear()
    segmenter, slowest = Segmenter(), 0.0
    for token in TOKENS.findall(text):
        began = time.perf_counter()
        done = segmenter.push(token)
        slowest = max(slowest, time.perf_counter() - began)
        if done:
            break
    return round(1000 * slowest, 4)


def measure(passes: int) -> dict[str, list[dict[str, object]]]:
    """Return the samples: for each sentence, the time to read it, and of its slowest token."""
    return {
        kind: [
            {
                "text": text,
                "read_ms": fastest_ms(partial(speakable, text), passes),
                "push_ms": min(slowest_push_ms(text) for _ in range(passes)),
            }
            for text in texts
        ]
        for kind, texts in (("plain", PLAIN), ("dense", DENSE))
    }


def summarise(samples: dict[str, list[dict[str, object]]]) -> dict[str, float | int | None]:
    """Return the flat summary."""
    summary: dict[str, float | int | None] = {}
    for kind, rows in samples.items():
        times = [float(str(row["read_ms"])) for row in rows]
        summary[f"{kind}_ms_p50"] = sorted(times)[len(times) // 2]
        summary[f"{kind}_ms_max"] = max(times)
    summary["first_segment_ms_max"] = max(float(str(row["push_ms"])) for rows in samples.values() for row in rows)
    return summary


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; return the exit status."""
    options = form.parser(NAME, str(__doc__)).parse_args(arguments)
    report = form.Report(NAME, form.command(NAME, arguments))
    report.samples = dict(measure(QUICK_PASSES if options.quick else PASSES))
    report.summary = summarise(dict(report.samples))
    if options.json:
        report.write(options.json)
    print(f"\n{form.results(report.summary, TARGETS)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
