"""Write dummy checkpoints, and print their paths: `python -m benchmarks.dummies MODEL [--tiny] [-o FOLDER]`.

They are for `asr.model`, for `tts.model` and `tts.codec` (in this order), or for `llm.model`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.dummies.files import LIKE, embedded_model, gguf_file, magpie_files, nemotron_file
from benchmarks.dummies.gguf_shape import Size, Weights
from voiceagent.errors import VoiceAgentError

KINDS = {name: kind for kind, name in LIKE.items()}


def main(arguments: Sequence[str]) -> int:
    """Write the requested files; return the exit status."""
    line = argparse.ArgumentParser(
        "python -m benchmarks.dummies", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    line.add_argument("model", choices=("nemotron", "magpie", *KINDS), help="the model whose shape it has")
    line.add_argument("--tiny", action="store_true", help="a small shape, for tests, instead of the true one")
    line.add_argument("-o", dest="folder", type=Path, metavar="FOLDER", help="default: .dummies, by the model files")
    line.add_argument("--multilingual", action="store_true", help="a recogniser of several languages (nemotron)")
    line.add_argument("--stacking", type=int, choices=(1, 2), default=2, help="frames in a step (magpie; default: 2)")
    line.add_argument("--weights", choices=("f32", "q8_0", "q4_0"), help="their format (smollm2, nemotron-nano)")
    options = line.parse_args(arguments)
    size: Size = "tiny" if options.tiny else "true"
    try:
        if options.model == "nemotron":
            print(nemotron_file(size, multilingual=options.multilingual, folder=options.folder))
        elif options.model == "magpie":
            model, codec = magpie_files(size, stacking=options.stacking, folder=options.folder)
            print(model, codec, sep="\n")
        else:
            weights: Weights = options.weights or ("f32" if options.tiny else "q8_0")
            tokenizer = None if options.tiny else embedded_model()
            print(gguf_file(KINDS[options.model], size, weights, tokenizer=tokenizer, folder=options.folder))
    except VoiceAgentError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
