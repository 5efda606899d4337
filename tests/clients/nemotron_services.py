"""Pipecat services for the STT, TTS and LLM services of the Nemotron voice agent example, written to their protocols.

They use Pipecat 0.0.98's own base classes, and behave as those protocols' clients do: the STT service asks for a soft
reset when the voice activity detector hears silence and for a hard one when the user has stopped, and holds back that
news until the final transcript is there; the TTS service keeps one connection, speaks the first segment of an answer
in streaming mode and the others in batches, and takes audio only after the `stream_created` that follows a `cancel`;
the LLM service asks for an answer sentence by sentence, and for the next one when the last has been spoken.
"""

import asyncio
import json
import re
from collections import deque

import httpx
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    SystemFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.ai_service import AIService
from pipecat.services.stt_service import WebsocketSTTService
from pipecat.services.tts_service import WebsocketTTSService
from pipecat.utils.time import time_now_iso8601
from websockets.asyncio.client import connect

HELD_S = 0.5
"""How long the STT service waits for a final transcript before it lets the user's silence be known."""
SENTENCE = re.compile(r"[.!?]\s*$")


class SegmentSpokenFrame(SystemFrame):
    """Goes upstream: the LLM service may write the next sentence."""


class NemotronSTTService(WebsocketSTTService):
    def __init__(self, url):
        super().__init__(sample_rate=16_000)
        self._url = url
        self._receiving = self._held = self._timeout = None
        self.late = 0
        """How often the final transcript came too late."""

    async def start(self, frame):
        await super().start(frame)
        await self._connect()

    async def stop(self, frame):
        await self._reset(finalize=True)
        await super().stop(frame)
        await self._disconnect()

    async def run_stt(self, audio):
        await self._websocket.send(audio)
        yield None

    async def process_frame(self, frame, direction):
        if isinstance(frame, UserStartedSpeakingFrame):
            self._held = None
        if isinstance(frame, UserStoppedSpeakingFrame):
            self._held = frame
            self._timeout = self.create_task(self._give_up())
            await self._reset(finalize=True)
            return
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            await self._reset(finalize=False)

    async def _connect(self):
        await self._connect_websocket()
        self._receiving = self.create_task(self._receive_task_handler(self._report_error))

    async def _disconnect(self):
        await self.cancel_task(self._receiving)
        await self._disconnect_websocket()

    async def _connect_websocket(self):
        self._websocket = await connect(self._url)
        assert json.loads(await self._websocket.recv()) == {"type": "ready"}

    async def _disconnect_websocket(self):
        await self._websocket.close()

    async def _reset(self, *, finalize):
        await self._websocket.send(json.dumps({"type": "reset", "finalize": finalize}))

    async def _give_up(self):
        await asyncio.sleep(HELD_S)
        self.late += 1
        await self._let_go()

    async def _let_go(self):
        if self._held is not None:
            frame, self._held = self._held, None
            await self.push_frame(frame)

    async def _receive_messages(self):
        async for message in self._websocket:
            match json.loads(message):
                case {"type": "error", "message": words}:
                    await self._report_error(ErrorFrame(words))
                case {"type": "transcript", "text": text, "is_final": False}:
                    await self.push_frame(InterimTranscriptionFrame(text, "", time_now_iso8601()))
                case {"type": "transcript", "text": text, "is_final": True, "finalize": True}:
                    if text:
                        await self.push_frame(TranscriptionFrame(text, "", time_now_iso8601()))
                    if self._timeout is not None:
                        await self.cancel_task(self._timeout)
                        self._timeout = None
                    await self._let_go()


class NemotronTTSService(WebsocketTTSService):
    def __init__(self, url, *, voice="aria", rate=22_000):
        super().__init__(sample_rate=rate, aggregate_sentences=False)
        self._url = url.replace("http", "ws", 1) + "/ws/tts/stream"
        self._init = {"type": "init", "voice": voice, "language": "en"}
        self._receiving = None
        self._active = False
        self._first_segment = True
        self._generation = self._confirmed = 0
        self._waiting = deque()
        self.modes = []
        """The mode of each text that was sent."""
        self.spoken = asyncio.Event()
        """Set when a segment has been spoken."""
        self.stale_bytes = 0
        """Audio of an interrupted answer that came after its `cancel`, and was dropped here."""

    async def start(self, frame):
        await super().start(frame)
        await self._connect()

    async def stop(self, frame):
        await super().stop(frame)
        await self._disconnect()

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMFullResponseEndFrame | EndFrame) and self._active:
            await self._send(type="close")

    async def _handle_interruption(self, frame: InterruptionFrame, direction):
        """Keep the connection: the answer is cancelled, and its audio no longer taken."""
        self._generation += 1
        await self._send(type="cancel")
        self._active, self._first_segment = False, True

    def is_current(self, frame):
        """Return whether audio was taken after the last interruption: one frame may be overtaken by it on its way."""
        return frame.metadata.get("generation", self._generation) == self._generation

    async def run_tts(self, text):
        if not self._active:
            self._active = self._first_segment = True
            yield TTSStartedFrame()
        mode = {"mode": "stream", "preset": "conservative"} if self._first_segment else {"mode": "batch"}
        self.modes.append(mode["mode"])
        await self._send(type="text", text=text, **mode)
        yield None

    async def _connect(self):
        await self._connect_websocket()
        self._receiving = self.create_task(self._receive_task_handler(self._report_error))

    async def _disconnect(self):
        await self.cancel_task(self._receiving)
        await self._disconnect_websocket()

    async def _connect_websocket(self):
        self._websocket = await connect(self._url)
        await self._send(**self._init)

    async def _disconnect_websocket(self):
        await self._websocket.close()

    async def _send(self, **message):
        await self._websocket.send(json.dumps(message))

    async def _receive_messages(self):
        async for message in self._websocket:
            if isinstance(message, bytes):
                if self._confirmed == self._generation:
                    audio = TTSAudioRawFrame(message, self.sample_rate, 1)
                    audio.metadata["generation"] = self._generation
                    await self.push_frame(audio)
                else:
                    self.stale_bytes += len(message)
                continue
            match json.loads(message):
                case {"type": "stream_created"}:
                    self._confirmed = self._generation
                case {"type": "segment_complete"}:
                    self._first_segment = False
                    self.spoken.set()
                    await self.push_frame(SegmentSpokenFrame(), FrameDirection.UPSTREAM)
                case {"type": "done"}:
                    self._active, self._first_segment = False, True
                    await self.push_frame(TTSStoppedFrame())
                case {"type": "error", "message": words}:
                    await self.push_frame(ErrorFrame(words))


class NemotronLLMService(AIService):
    def __init__(self, url):
        super().__init__()
        self._url = url
        self._answering = None
        self._spoken = asyncio.Event()
        self.requests = []
        """The prompt of each request."""

    async def stop(self, frame):
        await super().stop(frame)
        await self._stop_answering()

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        match frame:
            case SegmentSpokenFrame():
                self._spoken.set()
                return
            case LLMContextFrame():
                await self._stop_answering()
                self._answering = self.create_task(self._answer(frame.context.get_messages()))
                return
            case InterruptionFrame():
                await self._stop_answering()
        await self.push_frame(frame, direction)

    async def _stop_answering(self):
        if self._answering is not None:
            await self.cancel_task(self._answering)
            self._answering = None

    async def _answer(self, messages):
        said = [f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>" for message in messages]
        prompt = "\n".join([*said, "<|im_start|>assistant\n<think></think>"])
        answer, slot = "", 0
        await self.push_frame(LLMFullResponseStartFrame())
        async with httpx.AsyncClient() as http:
            while True:
                sentence, over = await self._sentence(http, prompt + answer, slot)
                answer, slot = answer + sentence, 1 - slot
                if sentence.strip():
                    self._spoken.clear()
                    await self.push_frame(LLMTextFrame(sentence))
                    await self._spoken.wait()
                if over:
                    break
        await self.push_frame(LLMFullResponseEndFrame())

    async def _sentence(self, http, prompt, slot):
        """Return the next sentence, and whether the answer is over; what comes after the sentence is not read."""
        self.requests.append(prompt)
        choice = {"temperature": 0.0, "top_p": 0.95, "top_k": 40, "repeat_penalty": 1.1, "stop": ["<|im_end|>"]}
        request = {"prompt": prompt, "n_predict": 200, "id_slot": slot, "cache_prompt": True, "stream": True, **choice}
        text = ""
        async with http.stream("POST", f"{self._url}/completion", json=request) as response:
            async for line in response.aiter_lines():
                if not line.startswith("data: "):
                    continue
                piece = json.loads(line[len("data: ") :])
                if piece.get("stop") and piece.get("stop_type") in ("eos", "word"):
                    return text, True
                text += piece.get("content", "")
                if SENTENCE.search(text):
                    return text, False
        return text, not text
