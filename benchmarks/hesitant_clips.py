"""Recorded utterances in which the speaker pauses once: what a caller says who has not finished."""

from itertools import islice

from benchmarks import corpus
from benchmarks.alignment import Aligner
from benchmarks.corpus import Clip
from benchmarks.paused_turns import boundaries, joined, seed_of, split


def hesitant_clips(count: int, longest_s: float) -> list[Clip]:
    """Return whole utterances (`corpus.questions`) with a pause between two words. Raises CorpusError."""
    aligner = Aligner()
    found = []
    for clip in corpus.questions(2 * count, longest_s):  # some are too short for a pause, or not aligned
        draw = seed_of(clip.name)
        if places := boundaries(aligner.words(clip.pcm, clip.text), 1, draw):
            pcm, silences = joined(split(clip.pcm, places), draw)
            spoken = round(silences[-1].start_s * corpus.RATE)
            found.append(Clip(clip.name, clip.text, pcm[:spoken]))
    return list(islice(found, count))
