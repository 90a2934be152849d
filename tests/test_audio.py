"""Real speech goes into many formats and comes back whole; what cannot be read is named."""

import io
import random
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pyloudnorm
import pytest
import soundfile
from numpy.typing import NDArray

from bench.spoiling import mutated
from model import audio
from model.errors import AudioError

SPEECH = Path(__file__).parent / "data" / "speech"
RATE = 16_000


@pytest.fixture(scope="module")
def speech() -> NDArray[np.float32]:
    """About 10 s of real speech at 16 kHz."""
    names = ("queue-youarenext", "ss-noservice")
    return np.concatenate([soundfile.read(SPEECH / f"{name}.flac", dtype="float32")[0] for name in names])


def container_bytes(
    waveform: NDArray[np.float32], muxer: str, codec: str, *, rate: int = 44_100, layout: str = "stereo"
) -> bytes:
    """A file of `waveform` (at 16 kHz) that a person's program could have written."""
    file = io.BytesIO()
    with av.open(file, "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        if codec in ("wmav2", "libmp3lame", "mp2"):
            stream.bit_rate = 128_000
        if codec == "libopencore_amrnb":
            stream.bit_rate = 12_200
        frame = av.AudioFrame.from_ndarray(waveform[None], "flt", "mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


WRITERS = {
    "wav": ("wav", "pcm_s16le", {}),
    "wav 24 bit 96 kHz": ("wav", "pcm_s24le", {"rate": 96_000}),
    "wav 8 bit 8 kHz": ("wav", "pcm_u8", {"rate": 8_000, "layout": "mono"}),
    "wav float six channels": ("wav", "pcm_f32le", {"rate": 48_000, "layout": "5.1"}),
    "wav 32 bit 192 kHz": ("wav", "pcm_s32le", {"rate": 192_000}),
    "wav double": ("wav", "pcm_f64le", {"rate": 22_050}),
    "mp3": ("mp3", "libmp3lame", {}),
    "mp2": ("mp2", "mp2", {}),
    "flac": ("flac", "flac", {}),
    "opus": ("ogg", "libopus", {"rate": 48_000}),
    "aac": ("adts", "aac", {}),
    "m4a": ("ipod", "aac", {}),
    "mov": ("mov", "alac", {}),
    "wma": ("asf", "wmav2", {}),
    "ac3": ("ac3", "ac3", {}),
    "webm": ("webm", "libopus", {"rate": 48_000}),
    "mkv": ("matroska", "aac", {}),
    "aiff": ("aiff", "pcm_s16be", {}),
    "caf": ("caf", "pcm_s16be", {}),
    "au": ("au", "pcm_s16be", {}),
    "mpeg": ("mpeg", "mp2", {}),
    "amr": ("amr", "libopencore_amrnb", {"rate": 8_000, "layout": "mono"}),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_comes_back_whole_whatever_its_suffix(
    kind: str, speech: NDArray[np.float32], tmp_path: Path
) -> None:
    muxer, codec, settings = WRITERS[kind]
    source = tmp_path / "misnamed é.mp3"
    source.write_bytes(container_bytes(speech, muxer, codec, **settings))

    recording = audio.decode_to_wav(source, tmp_path / "out.wav")

    waveform, sample_rate = audio.read_wav(tmp_path / "out.wav")
    assert sample_rate == 24_000
    assert len(waveform) / sample_rate == pytest.approx(len(speech) / RATE, abs=0.15)
    assert recording.duration_seconds == pytest.approx(len(waveform) / sample_rate)
    assert recording.sample_rate == settings.get("rate", 44_100)
    assert not recording.truncated
    assert correlation(waveform, audio.resample(speech, source_rate=RATE, target_rate=24_000)) > 0.7


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Highest normalized cross-correlation of two waveforms, whatever the codec's delay; AMR keeps .76 of speech."""
    size = 2 ** int(np.ceil(np.log2(len(one) + len(other))))
    products = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    return float(products.max() / (np.linalg.norm(one) * np.linalg.norm(other)))


def test_loudness_is_that_of_ebu_r128(speech: NDArray[np.float32], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", speech, RATE)
    recording = audio.decode_to_wav(tmp_path / "a.wav", tmp_path / "out.wav")
    expected = pyloudnorm.Meter(RATE).integrated_loudness(speech)
    assert recording.loudness_lufs == pytest.approx(expected, abs=0.3)


def test_bandwidth_is_that_of_the_sound_not_of_the_file(speech: NDArray[np.float32], tmp_path: Path) -> None:
    telephone = audio.resample(speech, source_rate=RATE, target_rate=8_000)
    noise = np.random.default_rng(0).normal(0, 1e-4, len(speech) * 3)
    for waveform, expected in ((telephone, 4_000), (speech, 8_000)):
        source_rate = 8_000 if waveform is telephone else RATE
        wide = audio.resample(waveform, source_rate=source_rate, target_rate=48_000)
        soundfile.write(tmp_path / "a.wav", wide + noise[: len(wide)], 48_000)
        recording = audio.decode_to_wav(tmp_path / "a.wav", tmp_path / "out.wav")
        assert recording.bandwidth_hz == pytest.approx(expected, abs=400)


def test_clipping_and_peak_are_measured_on_every_channel(speech: NDArray[np.float32], tmp_path: Path) -> None:
    loud = np.clip(speech * 8, -1, 1)
    soundfile.write(tmp_path / "a.wav", np.stack([loud, 0 * loud], axis=1), RATE)
    recording = audio.decode_to_wav(tmp_path / "a.wav", tmp_path / "out.wav")
    assert recording.clipping_ratio == pytest.approx(np.mean(np.abs(loud) >= 0.99) / 2, rel=0.01)
    assert recording.peak_dbfs == pytest.approx(0, abs=0.01)
    assert recording.channels == 2


def test_a_truncated_mp3_is_read_as_far_as_it_goes_and_says_so(speech: NDArray[np.float32], tmp_path: Path) -> None:
    whole = container_bytes(speech, "mp3", "libmp3lame")
    (tmp_path / "cut.mp3").write_bytes(whole[: int(len(whole) * 0.6)])
    recording = audio.decode_to_wav(tmp_path / "cut.mp3", tmp_path / "out.wav")
    assert recording.truncated
    assert recording.duration_seconds == pytest.approx(0.6 * len(speech) / RATE, abs=0.3)


def test_damage_inside_a_file_is_passed_over_and_said(speech: NDArray[np.float32], tmp_path: Path) -> None:
    damaged = bytearray(container_bytes(speech, "flac", "flac"))
    middle = len(damaged) // 2
    damaged[middle : middle + 9_000] = bytes(9_000)
    (tmp_path / "damaged.flac").write_bytes(damaged)
    recording = audio.decode_to_wav(tmp_path / "damaged.flac", tmp_path / "out.wav")
    assert recording.truncated
    assert recording.duration_seconds > 0.7 * len(speech) / RATE


def test_vorbis_is_read(speech: NDArray[np.float32], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a", speech, RATE, format="OGG", subtype="VORBIS")
    recording = audio.decode_to_wav(tmp_path / "a", tmp_path / "out.wav")
    assert (recording.codec, recording.container) == ("vorbis", "ogg")
    assert recording.duration_seconds == pytest.approx(len(speech) / RATE, abs=0.05)


@pytest.mark.parametrize("muxer", ["mp4", "mov", "matroska"])
def test_the_sound_of_a_video_is_read(muxer: str, speech: NDArray[np.float32], tmp_path: Path) -> None:
    with av.open(tmp_path / "film", "w", format=muxer) as container:
        pictures = container.add_stream("mpeg4", rate=10)
        pictures.width = pictures.height = 64
        sound = container.add_stream("aac", rate=48_000, layout="stereo")
        for _ in range(round(len(speech) / RATE * 10)):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")))
        frame = av.AudioFrame.from_ndarray(speech[None], "flt", "mono")
        frame.sample_rate = RATE
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
        container.mux(pictures.encode(None))
    recording = audio.decode_to_wav(tmp_path / "film", tmp_path / "out.wav")
    assert recording.duration_seconds == pytest.approx(len(speech) / RATE, abs=0.15)
    assert not recording.truncated


def test_files_that_were_joined_end_to_end_are_read_to_the_end(speech: NDArray[np.float32], tmp_path: Path) -> None:
    for muxer, codec in (("mp3", "libmp3lame"), ("ogg", "libopus")):
        one = container_bytes(speech, muxer, codec, rate=48_000)
        (tmp_path / "joined").write_bytes(one + one)
        recording = audio.decode_to_wav(tmp_path / "joined", tmp_path / "out.wav")
        assert recording.duration_seconds == pytest.approx(2 * len(speech) / RATE, abs=0.3), muxer


def test_damaged_files_end_in_sound_or_in_words(speech: NDArray[np.float32], tmp_path: Path) -> None:
    rng = random.Random(0)
    writers = (("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("flac", "flac"), ("ipod", "aac"), ("webm", "libopus"))
    for muxer, codec in writers:
        whole = container_bytes(speech[: 2 * RATE], muxer, codec, rate=48_000)
        for number in range(12):
            (tmp_path / "damaged").write_bytes(mutated(whole, rng))
            try:
                recording = audio.decode_to_wav(tmp_path / "damaged", tmp_path / "out" / "a.wav")
            except AudioError as error:
                assert str(error).startswith("damaged "), (muxer, number)
            else:
                assert 0 < recording.duration_seconds < 600, (muxer, number)
    assert len(list((tmp_path / "out").iterdir())) <= 1


def test_a_header_with_an_impossible_rate_is_named(speech: NDArray[np.float32], tmp_path: Path) -> None:
    damaged = bytearray(container_bytes(speech, "wav", "pcm_s16le"))
    damaged[24:28] = (2).to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(damaged)
    with pytest.raises(AudioError, match=r"a\.wav is damaged: its header says 2 samples a second"):
        audio.decode_to_wav(tmp_path / "a.wav", tmp_path / "out.wav")


def silent_video() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def wav_header() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(0, np.float32), RATE, format="WAV")
    return file.getvalue()


def protected(speech: NDArray[np.float32]) -> bytes:
    return container_bytes(speech, "ipod", "aac").replace(b"mp4a", b"drms")


UNREADABLE: dict[str, tuple[Callable[[NDArray[np.float32]], bytes], str]] = {
    "empty": (lambda _: b"", "is empty"),
    "text": (lambda _: b"These are the words that were meant to be said.\n" * 50, "is not a sound file"),
    "playlist": (lambda _: b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nsecret.wav\n", "is not a sound file"),
    "picture only": (lambda _: silent_video(), "has no sound"),
    "no samples": (lambda _: wav_header(), "looks like pcm_s16le, but no sound"),
    "cut mp4": (lambda speech: container_bytes(speech, "ipod", "aac")[:20_000], "is incomplete"),
    "protected": (protected, "is copy-protected"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_named_and_leaves_nothing(
    kind: str, speech: NDArray[np.float32], tmp_path: Path
) -> None:
    make, words = UNREADABLE[kind]
    source = tmp_path / "upload.wav"
    source.write_bytes(make(speech))
    with pytest.raises(AudioError, match=f"My talk.wav {words}"):
        audio.decode_to_wav(source, tmp_path / "out" / "a.wav", name="My talk.wav")
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_a_long_file_needs_little_memory(speech: NDArray[np.float32], tmp_path: Path) -> None:
    source = tmp_path / "long.wav"
    block = (audio.resample(speech, source_rate=RATE, target_rate=48_000) * 32_767).astype("<i2")
    with wave.open(str(source), "wb") as wav:
        wav.setparams((2, 2, 48_000, 0, "NONE", ""))
        for _ in range(60):
            wav.writeframes(np.repeat(block, 2).tobytes())
    peaks = [peak_memory_mb(source if long else next(SPEECH.glob("*.flac")), tmp_path) for long in (False, True)]
    assert peaks[1] < 300
    assert peaks[1] - peaks[0] < 60


def peak_memory_mb(source: Path, tmp_path: Path) -> float:
    program = (
        "import pathlib, sys; from model.audio import decode_to_wav;"
        "decode_to_wav(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]));"
        # ru_maxrss would count what the tests' own process had when it forked
        "print(int(pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) / 1024)"
    )
    command = [sys.executable, "-c", program, str(source), str(tmp_path / "out.wav")]
    done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=Path(__file__).parents[1])
    return float(done.stdout)


@pytest.mark.parametrize("container", audio.CONTAINERS)
def test_streamed_and_whole_encodings_hold_the_same_sound(
    container: str, speech: NDArray[np.float32], tmp_path: Path
) -> None:
    encoder = audio.Encoder(container, sample_rate=48_000, source_rate=RATE)
    chunks = [encoder.feed(speech[start : start + 5_000]) for start in range(0, len(speech), 5_000)]
    streamed = b"".join([*chunks, encoder.finish()])
    whole = audio.encode(speech, RATE, audio.EncodedFormat(container=container, sample_rate=48_000))
    assert chunks[0], "the first chunk gives bytes at once"
    for data in (streamed, whole):
        if container == "raw":
            waveform = np.frombuffer(data, "<i2").astype(np.float32)
            assert len(waveform) == pytest.approx(len(speech) * 3, abs=2)
            sample_rate = 48_000
        else:
            (tmp_path / "a").write_bytes(data)
            recording = audio.decode_to_wav(tmp_path / "a", tmp_path / "a.wav")
            assert recording.sample_rate == 48_000
            assert not recording.truncated
            waveform, sample_rate = audio.read_wav(tmp_path / "a.wav")
        expected = audio.resample(speech, source_rate=RATE, target_rate=sample_rate)
        assert correlation(waveform, expected) > 0.98


@pytest.mark.parametrize(("encoding", "width"), [("pcm_f32le", 4), ("pcm_s16le", 2), ("pcm_mulaw", 1), ("pcm_alaw", 1)])
def test_raw_encodings_have_their_width(encoding: str, width: int, speech: NDArray[np.float32]) -> None:
    form = audio.EncodedFormat(container="raw", encoding=encoding, sample_rate=8_000)
    assert len(audio.encode(speech, RATE, form)) == pytest.approx(len(speech) // 2 * width, abs=2 * width)


def test_a_wrong_output_format_is_named() -> None:
    with pytest.raises(ValueError, match="sample_rate must be 8000 to 48000 Hz, not 96000"):
        audio.EncodedFormat(container="wav", sample_rate=96_000)
    with pytest.raises(ValueError, match="container must be one of"):
        audio.Encoder("midi")


def test_a_bit_rate_gives_its_size(speech: NDArray[np.float32]) -> None:
    sizes = [
        len(audio.encode(speech, RATE, audio.EncodedFormat(container="mp3", sample_rate=44_100, bit_rate=rate)))
        for rate in (32_000, 64_000, 128_000)
    ]
    seconds = len(speech) / RATE
    assert sizes == pytest.approx([rate / 8 * seconds for rate in (32_000, 64_000, 128_000)], rel=0.06)


def test_wav_written_is_wav_read(speech: NDArray[np.float32], tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "a.wav", speech, RATE)
    waveform, sample_rate = audio.read_wav(tmp_path / "a.wav")
    assert sample_rate == RATE
    assert waveform.dtype == np.float32
    assert np.abs(waveform - speech).max() <= 1 / 2**15
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_preview_is_an_mp3_of_the_same_length(speech: NDArray[np.float32], tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "a.wav", speech, RATE)
    audio.make_preview(tmp_path / "a.wav", tmp_path / "a.mp3")
    recording = audio.decode_to_wav(tmp_path / "a.mp3", tmp_path / "b.wav")
    assert recording.container == "mp3"
    assert recording.duration_seconds == pytest.approx(len(speech) / RATE, abs=0.1)
