"""From a segment's text to chunks of tokens: cleaned, normalised, divided by NeMo's rules, with each token's word.

Words are those of the original text, because the page shows that. Normalisation may expand a word to several ("$5");
where counts differ, words share the spoken ones in proportion. Runs on the lane: phonemes and grammars take
milliseconds.

Numbers, dates and the like are put into words by NeMo's grammars. Where those cannot be imported (there is no build of
them for aarch64) NeMo would leave digits to the tokeniser, which drops them: the readings of `voiceagent.text` step in.
"""

import logging
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

from voiceagent.engines.nemo.runtime import quiet
from voiceagent.engines.tts.magpie.decode_loop import MOST_TOKENS
from voiceagent.errors import VoiceAgentError
from voiceagent.text.languages import LANGUAGES
from voiceagent.text.languages import language as find

log = logging.getLogger(__name__)

REMEMBERED = 256
"""Texts whose tokens are cached: greetings and apologies recur."""
REPLACED = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "…": "...", "—": ", ", "–": ", "})
UNSPOKEN = {"Cc", "Cf", "Co", "Cs", "Cn", "So", "Sk"}
"""Unicode's categories of control characters, emoji and the like."""


@dataclass(frozen=True, slots=True)
class TextChunk:
    """A text spoken as one utterance: its tokens, end mark included, and where each word begins among them."""

    tokens: tuple[int, ...]
    words: tuple[str, ...]
    starts: tuple[int, ...]


class TextReader:
    """The tokenisers of a Magpie TTS model, and its normalisation if `normalize`."""

    def __init__(self, model: Any, *, normalize: bool) -> None:
        from nemo.collections.tts.parts.utils import tts_dataset_utils

        self._model = model
        self._normalize = normalize
        self._nemo = tts_dataset_utils
        here = model.tokenizer.tokenizers
        self.languages = {
            language: next(name for name in names if name in here)
            for language, names in tts_dataset_utils.LANGUAGE_TOKENIZER_MAP.items()
            if any(name in here for name in names)
        }
        self.read = lru_cache(REMEMBERED)(self._read)

    def require(self, language: str) -> str:
        """Return the language. Raises VoiceAgentError, with the known ones, for any other."""
        if language not in self.languages:
            known = ", ".join(sorted(self.languages))
            raise VoiceAgentError(
                f"This checkpoint does not speak {language!r}. Set session.language to one of {known}."
            )
        return language

    def _read(self, text: str, language: str) -> tuple[TextChunk, ...]:
        """Return the chunks of a text; none if it has nothing to say."""
        grammars = self._normalize and self._has_grammars(language)
        cleaned = clean(find(language).read(text) if self._normalize and not grammars else text)
        if language == "ja":  # as in NeMo's do_tts: the normaliser does not expect spaces
            cleaned = "".join(cleaned.split())
        if not any(character.isalnum() for character in cleaned):
            return ()
        with quiet():  # NeMo warns about every character that it skips
            if grammars:
                cleaned = self._model._get_normalized_text(cleaned, language)
            chunks = self._chunks(cleaned, language)
        spoken = [tokens for tokens in chunks if len(tokens) > 1]
        return _with_words(spoken, text.split(), self._space(language), language) if spoken else ()

    def _has_grammars(self, language: str) -> bool:
        """Return whether NeMo has its grammars of a language; the first time, log what stands in for them."""
        known = self._model._text_normalizers
        if language not in known:
            with quiet():  # it warns that they are missing, and goes on without
                self._model._get_normalized_text("a", language)
            if known[language] is None and language in LANGUAGES:
                log.info("NeMo's text normalisation cannot be loaded: voiceagent's own reads %r", language)
            elif known[language] is None:
                log.warning(
                    "NeMo's text normalisation cannot be loaded, and voiceagent has no readings of %r: numbers"
                    " in digits will not be spoken. Install nemo_text_processing, or let the prompt ask for words.",
                    language,
                )
        return known[language] is not None

    def _chunks(self, text: str, language: str) -> list[tuple[int, ...]]:
        name = self.languages[language]
        tokens, _, texts = self._nemo.chunk_text_for_inference(
            text, language, name, self._model.tokenizer, self._model.eos_id
        )
        chunks: list[tuple[int, ...]] = []
        for part, ids in zip(texts, tokens, strict=True):
            chunks += [tuple(ids.tolist())] if len(ids) <= MOST_TOKENS else self._halves(part, language)
        return chunks

    def _halves(self, text: str, language: str) -> list[tuple[int, ...]]:
        """Divide a chunk that NeMo's rules leave too long, between two words if possible."""
        middle = text.find(" ", len(text) // 2)
        middle = middle if middle > 0 else len(text) // 2
        chunks: list[tuple[int, ...]] = []
        for half in (text[:middle], text[middle:]):
            ids = (*self._model.tokenizer.encode(half, self.languages[language]), self._model.eos_id)
            chunks += [ids] if len(ids) <= MOST_TOKENS else self._halves(half, language)
        return chunks

    def _space(self, language: str) -> int | None:
        """Return the token between words, if the tokeniser has one."""
        name = self.languages[language]
        tokenizer = self._model.tokenizer.tokenizers[name]
        space = getattr(tokenizer, "space", None)
        return None if space is None else int(space) + self._model.tokenizer.tokenizer_offsets[name]


def clean(text: str) -> str:
    """Return a text without unspeakable characters, with plain quotes and dashes."""
    plain = unicodedata.normalize("NFC", text).translate(REPLACED)
    kept = (" " if c.isspace() else c for c in plain if c.isspace() or unicodedata.category(c) not in UNSPOKEN)
    return re.sub(r" +", " ", "".join(kept)).strip()


def _with_words(
    chunks: Sequence[tuple[int, ...]], words: Sequence[str], space: int | None, language: str
) -> tuple[TextChunk, ...]:
    """Return the chunks with where their words begin among the groups of tokens that spaces separate."""
    groups = [
        (number, at)
        for number, tokens in enumerate(chunks)
        for at in range(len(tokens) - 1)
        if at == 0 or tokens[at - 1] == space
    ]
    shares = [1] * len(words)
    if len(groups) != len(words):
        shares = [len(re.findall(r"\w+", find(language).read(word))) for word in words]
    total = max(1, sum(shares))
    before = [0, *accumulate(shares)][: len(words)]
    places = [groups[min(count * len(groups) // total, len(groups) - 1)] for count in before]
    return tuple(
        TextChunk(
            tokens,
            tuple(word for word, (chunk, _) in zip(words, places, strict=True) if chunk == number),
            tuple(at for chunk, at in places if chunk == number),
        )
        for number, tokens in enumerate(chunks)
    )
