"""From text to utterances: phonemes in pieces that a voice can speak at once, and the words they belong to.

Words are all the text's parts between white space, so that a page can show them as they are heard. Knows
grapheme-to-phoneme conversion only as a function, and phonemes only as characters.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

MAX_PHONEMES = 200
"""Longer sentences are cut at the end of a clause, or else between two words: 200 are about 14 s of speech."""
CLAUSE_MARKS = tuple(",;:—")
MARKS = frozenset(' ;:,.!?—…"“”()')
"""Phonemes that are pauses."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the text and its phonemes: "" if they belong to the words around it, or if it has none."""

    text: str
    phonemes: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """A piece spoken at once; it has sound, unless the whole text has none."""

    words: tuple[Word, ...]
    ends_sentence: bool

    @property
    def sounds(self) -> bool:
        """Whether there is anything to hear."""
        return any(sounds(word.phonemes) for word in self.words)


def utterances(text: str, sentences: Iterable[str], phonemes: Callable[[str], str]) -> list[Utterance]:
    """Divide `text`, whose `sentences` have the same number of words, into utterances.

    Returns one silent utterance for a text without sound.
    """
    texts = iter(text.split())
    spoken: list[Utterance] = []
    silent: list[Word] = []
    for sentence in sentences:
        words = pronounced(sentence, phonemes)
        parts = list(divide([Word(next(texts), word.phonemes) for word in words]))
        for number, part in enumerate(parts, 1):
            if any(sounds(word.phonemes) for word in part):
                spoken.append(Utterance((*silent, *part), ends_sentence=number == len(parts)))
                silent = []
            else:
                silent += [Word(word.text, "") for word in part]
    if spoken and silent:
        spoken[-1] = Utterance((*spoken[-1].words, *silent), spoken[-1].ends_sentence)
    return spoken or [Utterance(tuple(silent), ends_sentence=True)]


def pronounced(sentence: str, phonemes: Callable[[str], str]) -> list[Word]:
    """Return a sentence's words with their phonemes.

    The sentence is pronounced as a whole, because its words depend on each other ("the", "read"). If that gives more or
    fewer groups than words ("3.5" is spoken as three), each word's own number of groups assigns them.
    """
    words = sentence.split()
    groups = phonemes(sentence).split()
    shares = [1] * len(words)
    if len(groups) != len(words):
        shares = [len(phonemes(word).split()) for word in words]
    total = max(1, sum(shares))
    ends = (-(-share * len(groups) // total) for share in accumulate(shares, initial=0))
    return [Word(word, " ".join(groups[a:b])) for word, (a, b) in zip(words, pairwise(ends), strict=True)]


def divide(words: Sequence[Word]) -> Iterable[list[Word]]:
    """Cut a sentence that is too long to be spoken at once."""
    part: list[Word] = []
    for word in words:
        if part and sum(len(w.phonemes) + 1 for w in part) + len(word.phonemes) > MAX_PHONEMES:
            clauses = [i for i, w in enumerate(part, 1) if w.phonemes.endswith(CLAUSE_MARKS)]
            cut = clauses[-1] if clauses else len(part)
            yield part[:cut]
            part = part[cut:]
        part.append(word)
    yield part


def sounds(phonemes: str) -> bool:
    """Return whether there is more to hear than pauses."""
    return not MARKS.issuperset(phonemes)
