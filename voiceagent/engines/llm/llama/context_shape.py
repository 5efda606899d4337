"""The size of the llama.cpp context, computed in one place, so that the memory plan matches what is loaded."""

from dataclasses import dataclass, replace
from pathlib import Path

from voiceagent.engines.llm.llama.gguf_memory import KvType, MemoryNeed, memory_need

CHECKPOINTS = 2
"""Of each conversation, besides the reply under way."""


@dataclass(frozen=True, slots=True)
class ContextShape:
    """One context for all streams, or one for each and one for what they share (`contexts.py`)."""

    contexts: int
    context_tokens: int
    """Of each."""
    streams_per_step: int
    sequences: int
    """Of each."""
    sequences_per_stream: int
    batch_tokens: int
    flash_attention: bool
    kv_type: KvType

    @classmethod
    def of(
        cls,
        *,
        context_tokens: int | None,
        session_tokens: int,
        max_streams: int,
        prefill_tokens: int,
        streams_per_step: int | None,
        gpu_layers: int,
        flash_attention: bool | None,
        kv_type: KvType,
        checkpoints: int = CHECKPOINTS,
    ) -> "ContextShape":
        """Return the shape, with defaults for what the settings leave open.

        Without `context_tokens` there is room for `session_tokens` of every stream, in separate contexts where a CPU
        serves one stream per step.
        """
        # A CPU gains nothing from a batch of replies (two tokens together cost more than one after the other: SmolLM2
        # 27 ms against 15 with Q8_0, 20 against 16 with Q4_1), so the urgent one need not wait for the others.
        together = streams_per_step or (max_streams if gpu_layers else 1)
        # Flash attention is slower on a CPU: 24 tokens after a history of 1,500 take 1.6 times as long with it.
        by_default = gpu_layers != 0 or kv_type != "f16"
        each = checkpoints + 1
        apart = context_tokens is None and gpu_layers == 0 and together == 1 < max_streams
        return cls(
            contexts=max_streams + 1 if apart else 1,
            context_tokens=session_tokens if apart else context_tokens or max_streams * session_tokens,
            streams_per_step=together,
            sequences=each if apart else each * max_streams + 1,
            sequences_per_stream=each,
            batch_tokens=most_tokens(together, prefill_tokens),
            flash_attention=by_default if flash_attention is None else flash_attention,
            kv_type=kv_type,
        )

    def memory_need(self, path: Path) -> MemoryNeed:
        """Return the memory of a model with this shape. Raises VoiceAgentError for a file that is no valid GGUF."""
        each = memory_need(
            path,
            context_tokens=self.context_tokens,
            sequences=self.sequences,
            batch_tokens=self.batch_tokens,
            kv_type=self.kv_type,
            flash_attention=self.flash_attention,
        )
        return replace(
            each,
            kv_cache=self.contexts * each.kv_cache,
            recurrent_state=self.contexts * each.recurrent_state,
            compute=self.contexts * each.compute,
        )

    def of_one_stream(self, need: MemoryNeed, session_tokens: int) -> int:
        """Return the part of a need that one stream takes when it has filled `session_tokens`."""
        cells = need.kv_cache * session_tokens // (self.contexts * self.context_tokens)
        return cells + need.recurrent_state * self.sequences_per_stream // (self.contexts * self.sequences)


def most_tokens(streams: int, prefill_tokens: int) -> int:
    """Return the size of the largest step that can be planned, in tokens."""
    return prefill_tokens * 3 // 2 + streams
