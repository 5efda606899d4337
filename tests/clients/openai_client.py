"""OpenAI's Python client, as its documentation shows it, at a server given by its address; prints what comes back."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import openai
from openai import AsyncOpenAI, OpenAI

SAID = "The deepest sea is the Mariana Trench."
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Look up the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def tell(what: str, **values: object) -> None:
    print(json.dumps({"what": what, **values}), flush=True)


def models(client: OpenAI) -> None:
    listed = client.models.list()
    tell("models", ids=[model.id for model in listed], first=client.models.retrieve(listed.data[0].id).id)


def chat(client: OpenAI) -> None:
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the capital of Italy?"}]
    whole = client.chat.completions.create(model="gpt-4o", messages=asked, temperature=0, max_completion_tokens=30)
    message, usage = whole.choices[0].message, whole.usage
    tell(
        "chat", text=message.content, reason=whole.choices[0].finish_reason, usage=usage.model_dump() if usage else None
    )
    stream = client.chat.completions.create(
        model="gpt-4o",
        messages=asked,
        temperature=0,
        max_tokens=30,
        stream=True,
        stream_options={"include_usage": True},
    )
    texts, total = [], 0
    for chunk in stream:
        texts += [choice.delta.content or "" for choice in chunk.choices]
        total = chunk.usage.total_tokens if chunk.usage else total
    tell("chat_stream", text="".join(texts), pieces=len(texts), total=total)
    called = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Call get_weather for Rome"}], tools=[WEATHER]
    )
    calls = called.choices[0].message.tool_calls or []
    tell("tools", calls=[(call.function.name, json.loads(call.function.arguments)) for call in calls])


def speech_and_back(client: OpenAI, folder: Path) -> None:
    for form in ("mp3", "wav", "opus", "flac", "aac"):
        file = folder / f"said.{form}"
        with client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice="alloy", input=SAID, response_format=form
        ) as response:
            response.stream_to_file(file)
        with file.open("rb") as sound:
            heard = client.audio.transcriptions.create(model="whisper-1", file=sound, language="en")
        tell("round_trip", form=form, bytes=file.stat().st_size, text=heard.text)
    with (folder / "said.wav").open("rb") as sound:
        verbose = client.audio.transcriptions.create(
            model="whisper-1", file=sound, response_format="verbose_json", timestamp_granularities=["word", "segment"]
        )
        tell(
            "verbose",
            duration=verbose.duration,
            words=[(word.word, word.start, word.end) for word in verbose.words or ()],
            segments=[(segment.text, segment.start) for segment in verbose.segments or ()],
        )
        sound.seek(0)
        plain = client.audio.transcriptions.create(model="whisper-1", file=sound, response_format="text")
        sound.seek(0)
        subtitles = client.audio.transcriptions.create(model="whisper-1", file=sound, response_format="srt")
        tell("text", text=plain, srt=subtitles)


async def asynchronously(url: str, folder: Path) -> None:
    async with AsyncOpenAI(base_url=url, api_key="none") as client:
        async with client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="nova", input=SAID, response_format="pcm", speed=1.5
        ) as response:
            pieces = [piece async for piece in response.iter_bytes()]
        tell("pcm", seconds=len(b"".join(pieces)) / 48_000)
        stream = await client.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=folder / "said.mp3", stream=True
        )
        events = [event async for event in stream]
        deltas = "".join(event.delta for event in events if event.type == "transcript.text.delta")
        tell("transcript_stream", deltas=deltas, whole=events[-1].text, last=events[-1].type)
        chat = await client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Say hello."}], stream=True, max_tokens=20
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in chat])
        tell("chat_async", text=text)


def mistakes(client: OpenAI) -> None:
    def of(request) -> None:
        try:
            request()
        except openai.APIStatusError as error:
            tell("mistake", kind=type(error).__name__, status=error.status_code, code=error.code, message=error.message)

    hello = [{"role": "user", "content": "hello"}]
    of(lambda: client.chat.completions.create(model="llama-9", messages=hello))
    of(lambda: client.chat.completions.create(model="gpt-4o", messages=hello, n=2))
    of(lambda: client.audio.speech.create(model="tts-1", voice="nobody", input="Hello."))
    of(lambda: client.audio.transcriptions.create(model="whisper-1", file=("noise.mp3", b"no sound at all")))
    of(lambda: client.audio.translations.create(model="whisper-1", file=("noise.mp3", b"no sound at all")))


def main(url: str) -> None:
    with OpenAI(base_url=url, api_key="none", max_retries=0) as client, tempfile.TemporaryDirectory() as folder:
        models(client)
        chat(client)
        speech_and_back(client, Path(folder))
        asyncio.run(asynchronously(url, Path(folder)))
        mistakes(client)


if __name__ == "__main__":
    main(sys.argv[1])
