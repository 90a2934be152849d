"""Voices from one clip, at once: over the API with the official SDK."""

from pathlib import Path

import cartesia
import numpy as np
import pytest
import soundfile
from cartesia import Cartesia

from playground.parts import Parts
from tests.kokoro_speech import SPEECH

CLIP = sorted(SPEECH.glob("*.flac"), key=lambda path: path.stat().st_size)[-1]


def test_a_clip_becomes_a_voice_that_speaks(sdk: Cartesia, parts: Parts) -> None:
    made = sdk.voices.clone(clip=CLIP, language="en", name="Zoë", description="from one clip")
    voice = sdk.voices.get(made.id)
    assert (voice.name, voice.description, voice.language, voice.is_owner) == ("Zoë", "from one clip", "en", True)
    assert (voice.model_extra or {})["is_pro"] is False
    audio = sdk.tts.generate(
        model_id="kokoro-82m-2025-01-27",
        transcript="Good morning, everyone.",
        voice=made.id,
        output_format={"container": "raw", "encoding": "pcm_f32le", "sample_rate": 24000},
    )
    waveform = np.frombuffer(audio.read(), dtype=np.float32)
    assert len(waveform) > 24_000
    assert 20 * np.log10(np.sqrt(np.mean(waveform**2))) > -40
    folder = parts.storage.media.voice_folder(made.id)
    assert {path.name for path in folder.iterdir()} == {"reference.wav", "style.safetensors"}
    sdk.voices.delete(made.id)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("seconds", "level", "language", "words"),
    [(1.0, 0.1, "en", "2 to 60 s"), (4.0, 0.0, "en", "hardly any sound"), (4.0, 0.1, "xx", "does not speak")],
)
def test_a_clip_that_will_not_do_is_refused_in_words(
    sdk: Cartesia, parts: Parts, tmp_path: Path, *, seconds: float, level: float, language: str, words: str
) -> None:
    clip = tmp_path / "clip.wav"
    noise = np.random.default_rng(0).normal(0, 1, int(16_000 * seconds)) * level
    soundfile.write(clip, noise, 16_000)
    before = [voice.id for voice in sdk.voices.list()]
    with pytest.raises(cartesia.BadRequestError, match=words):
        sdk.voices.clone(clip=clip, language=language, name="Zoë")
    assert [voice.id for voice in sdk.voices.list()] == before
    assert not any(parts.storage.media.scratch.iterdir())


def test_a_clip_that_is_no_sound_is_refused_in_words(sdk: Cartesia) -> None:
    with pytest.raises(cartesia.BadRequestError, match="notes"):
        sdk.voices.clone(clip=("notes.wav", b"just some words"), language="en", name="Zoë")


def test_a_clip_that_is_too_large_is_refused(sdk: Cartesia) -> None:
    with pytest.raises(cartesia.APIStatusError, match="16 MB"):
        sdk.voices.clone(clip=("long.wav", bytes(17 * 1024**2)), language="en", name="Zoë")


def test_a_clip_is_kept_as_loud_as_clips_of_trainings_are(sdk: Cartesia, parts: Parts, tmp_path: Path) -> None:
    """Or a style would take over the gain of a recording."""
    waveform, rate = soundfile.read(CLIP)
    levels = []
    for gain in (0.1, 0.8):
        soundfile.write(tmp_path / "clip.wav", waveform * gain, rate)
        made = sdk.voices.clone(clip=tmp_path / "clip.wav", language="en", name="Zoë")
        kept, _ = soundfile.read(parts.storage.media.voice_folder(made.id) / "reference.wav")
        levels.append(20 * np.log10(np.sqrt(np.mean(kept**2))))
    assert levels[0] == pytest.approx(levels[1], abs=0.5)
