"""A tokenizer without any text: sentencepiece trained on seeded pseudo-words, for dummy checkpoints."""

import random
from pathlib import Path

ONSETS = (*"bcdfghjklmnprstvwyz", "ch", "sh", "th", "st", "tr", "bl", "gr", "qu")
NUCLEI = (*"aeiou", "ai", "ea", "ou", "ee")
CODAS = ("", *"nstrlm", "nd", "st", "ng", "ck")
WORDS = 8000
"""Enough for 1,024 pieces to be worth their place."""


def train_tokenizer(folder: Path, pieces: int, seed: int) -> None:
    """Write `tokenizer.model` and `vocab.txt`, as NeMo's BPE models want them, into a folder."""
    import sentencepiece

    draw = random.Random(seed)
    words = [
        "".join(draw.choice(ONSETS) + draw.choice(NUCLEI) + draw.choice(CODAS) for _ in range(draw.randint(1, 3)))
        for _ in range(WORDS)
    ]
    sentences = [" ".join(words[start : start + 10]) for start in range(0, WORDS, 10)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=pieces,
        model_type="bpe",
        character_coverage=1.0,
        bos_id=-1,
        eos_id=-1,
        unk_id=0,
        minloglevel=2,
    )
    trained = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    known = [trained.id_to_piece(number) for number in range(1, pieces)]
    entries = [piece[1:] if piece.startswith("\u2581") else f"##{piece}" for piece in known]
    (folder / "vocab.txt").write_text("\n".join([*entries, ""]), encoding="utf-8")
