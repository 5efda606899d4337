"""How fast a model will answer on a CPU, estimated before it is fetched, from what SmolLM2-135M measures.

A prompt is read in pieces, so arithmetic decides. A token of a reply is computed with every weight once: arithmetic
decides for one thread, and for many the memory that the weights come from.
"""

from voiceagent.engines.speed import Speed

PROMPT_PARAMETERS_PER_S = 24 * 134.5e6 / 0.074
"""Parameters times tokens that a thread computes of a prompt: 24 tokens of SmolLM2 take 74 ms (`fast_copy.py`)."""
REPLY_PARAMETERS_PER_S = 134.5e6 / 0.0085
"""The same of a reply: a token takes 8.5 ms."""
MEMORY_BYTES_PER_S = 40e9
"""What all threads together read: four fifths of the 51 GB/s of two channels of DDR4-3200."""


def cpu_speed(parameters: int, size: int, threads: int) -> Speed:
    """Estimate the speed of a model of `size` bytes on `threads` cores that nothing else uses."""
    return Speed(
        threads * PROMPT_PARAMETERS_PER_S / parameters,
        min(threads * REPLY_PARAMETERS_PER_S / parameters, MEMORY_BYTES_PER_S / size),
    )
