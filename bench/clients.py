"""Frameworks for voice agents against a running server: what they hear of a text that comes word by word.

    python3.11 -m venv FOLDER && FOLDER/bin/pip install -r requirements-clients.txt
    FOLDER/bin/python -m bench.clients --url http://127.0.0.1:7860

Their plugins for Cartesia are used unmodified. Each must hear all words, with their times in order.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field

TEXT = "It's nice to meet you, Dr. Moss. Would you like a cup of tea? It costs €5 in here."
SAMPLE_RATE = 24_000
VOICE = "6ccbfb76-1fc6-48f7-b71d-91ac6298247b"


@dataclass(kw_only=True)
class Heard:
    """What a client got of one text."""

    client: str
    begun: float = field(default_factory=time.perf_counter)
    first_seconds: float | None = None
    samples: int = 0
    words: list[str] = field(default_factory=list)

    def add(self, sound: bytes) -> None:
        """Take 16-bit samples."""
        if self.first_seconds is None:
            self.first_seconds = time.perf_counter() - self.begun
        self.samples += len(sound) // 2

    @property
    def is_whole(self) -> bool:
        return "".join("".join(self.words).split()) == "".join(TEXT.split()) and self.samples > SAMPLE_RATE

    def __str__(self) -> str:
        state = "whole" if self.is_whole else f"NOT WHOLE: {self.words}"
        first = "" if self.first_seconds is None else f", the first after {self.first_seconds:.2f} s"
        return f"{self.client}: {self.samples / SAMPLE_RATE:.1f} s of sound{first}; {state}"


async def livekit(url: str, model: str, voice: str) -> Heard:
    """A text pushed word by word into livekit-plugins-cartesia."""
    import aiohttp
    from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
    from livekit.plugins import cartesia

    async with aiohttp.ClientSession() as session:
        speech = cartesia.TTS(
            api_key="any", base_url=url, model=model, voice=voice, sample_rate=SAMPLE_RATE, http_session=session
        )
        heard = Heard(client="livekit")
        async with speech.stream() as stream:
            for word in TEXT.split():
                stream.push_text(f"{word} ")
            stream.end_input()
            async for audio in stream:
                heard.add(bytes(audio.frame.data))
                heard.words += audio.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
        await speech.aclose()
    return heard


async def pipecat(url: str, model: str, voice: str) -> Heard:
    """The same through pipecat-ai's service."""
    from pipecat.frames.frames import TTSAudioRawFrame, TTSSpeakFrame, TTSTextFrame
    from pipecat.pipeline.task import PipelineParams
    from pipecat.services.cartesia.tts import CartesiaTTSService
    from pipecat.tests.utils import SleepFrame, run_test

    service = CartesiaTTSService(
        api_key="any",
        url=f"{url.replace('http', 'ws', 1)}/tts/websocket",
        sample_rate=SAMPLE_RATE,
        settings=CartesiaTTSService.Settings(model=model, voice=voice),
    )
    heard = Heard(client="pipecat")
    frames, _ = await run_test(
        service,
        frames_to_send=[TTSSpeakFrame(TEXT), SleepFrame(sleep=15)],
        pipeline_params=PipelineParams(audio_out_sample_rate=SAMPLE_RATE),
    )
    for frame in frames:
        if isinstance(frame, TTSAudioRawFrame):
            heard.add(frame.audio)
        elif isinstance(frame, TTSTextFrame):
            heard.words.append(frame.text)
    heard.first_seconds = None  # frames are seen together at the end
    return heard


def main() -> int:
    """Exit status 1 when a client did not hear all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:7860")
    parser.add_argument("--model", default="sonic-3")
    parser.add_argument("--voice", default=VOICE)
    options = parser.parse_args()
    results = [asyncio.run(client(options.url, options.model, options.voice)) for client in (livekit, pipecat)]
    for heard in results:
        print(heard)
    return 0 if all(heard.is_whole for heard in results) else 1


if __name__ == "__main__":
    sys.exit(main())
