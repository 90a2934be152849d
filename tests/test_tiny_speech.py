"""What the tiny engine says: level, pace, pitch, spectrum, styles, and whether recognition understands it."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy.stats import spearmanr

from model.audio import read_wav, write_wav
from model.engines.protocol import SpeechModel, TrainingClip
from model.engines.tiny.engine import TinyEngine
from model.engines.tiny.parameters import MODEL_FILE, read_parameters
from model.engines.tiny.speech import sentences_of
from model.engines.tiny.stock import STOCK_VOICES
from model.engines.tiny.traits import STYLE_SIZE
from model.errors import AudioError, LanguageNotSupported, WeightsUnavailable
from model.evaluation import word_error_rate
from model.measuring import active_seconds, loudness_db, pitch_hz, read_clip, speech_frames
from model.transcription import Transcriber
from model.whisper_weights import prepare_whisper
from tests.hearing import brightness, check_times
from tests.tiny_speech import SAMPLE_RATE, make_clips, train

SENTENCES = (
    "It's nice to meet you. Hope you're having a great day.",
    "Please bring two cups of coffee and a glass of water to the table.",
    "She walked along the river until the sun went down behind the hills.",
    "We will send you a message when your order is ready.",
    "The old house on the corner was sold for a good price last week.",
    "My brother plays the piano every evening after dinner.",
)
AVERAGE = np.zeros(STYLE_SIZE, np.float32)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[TrainingClip]:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def folder(clips: list[TrainingClip], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a finished fine-tune lies."""
    folder = tmp_path_factory.mktemp("trained")
    train(clips, folder)
    return folder


@pytest.fixture(scope="module")
def fine_tuned(folder: Path) -> SpeechModel:
    return TinyEngine().load(folder)


@pytest.fixture(scope="module")
def base() -> SpeechModel:
    return TinyEngine().load(None)


def say(model: SpeechModel, text: str, style: np.ndarray = AVERAGE, *, speed: float = 1.0) -> np.ndarray:
    return np.concatenate([part.waveform for part in model.synthesize(text, style=style, language="en", speed=speed)])


def median_hz(waveform: np.ndarray) -> float:
    return float(np.median(pitch_hz(waveform)))


def test_speech_comes_sentence_by_sentence(base: SpeechModel) -> None:
    speech = base.synthesize("One is here. Two is there!", style=AVERAGE, language="en")
    waveforms = [part.waveform for part in speech]
    assert len(waveforms) == 2
    assert all(waveform.dtype == np.float32 and waveform.ndim == 1 for waveform in waveforms)


def test_written_words_have_the_times_of_their_sounds(base: SpeechModel) -> None:
    text = "See Dr. Moss at €5,\nplease — or   sell less. Six seas!"
    spoken = list(base.synthesize(text, style=AVERAGE, language="en"))
    assert [word.text for part in spoken for word in part.words] == [word for word in text.split() if word != "—"]
    for part in spoken:
        check_times(part)
    hiss, voiced = brightness(spoken, {"s", "z"}), brightness(spoken, {"iː", "ɪ", "ɛ", "ɔː"})
    assert hiss > 2 * voiced


def test_speech_is_levelled_and_starts_and_ends_quietly(fine_tuned: SpeechModel) -> None:
    waveform = say(fine_tuned, SENTENCES[1])
    assert loudness_db(waveform) == pytest.approx(-23, abs=1)
    assert np.abs(waveform).max() < 0.95
    assert np.abs(waveform[:24]).max() < 0.01
    assert not waveform[-240:].any()


@pytest.mark.parametrize("speed", [0.6, 0.8, 1.25, 2.0])
def test_speed_shortens_speech_as_much(fine_tuned: SpeechModel, speed: float) -> None:
    seconds = [active_seconds(say(fine_tuned, SENTENCES[1], speed=each)) for each in (1.0, speed)]
    assert seconds[0] / seconds[1] == pytest.approx(speed, rel=0.12)


@pytest.mark.parametrize("speed", [0.4, 2.1])
def test_speed_beyond_its_limits_is_refused(base: SpeechModel, speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        say(base, "Hello.", speed=speed)


@pytest.mark.parametrize("text", ["", "  \n ", "...", "\0"])
def test_text_without_words_gives_no_speech(base: SpeechModel, text: str) -> None:
    assert not list(base.synthesize(text, style=AVERAGE, language="en"))


def test_long_sentences_are_parted_and_titles_are_not() -> None:
    assert sentences_of("Dr. Gray came. Did he?") == ["Dr Gray came.", "Did he?"]
    parts = sentences_of("and so on, " * 60)
    assert len(parts) > 1
    assert max(map(len, parts)) <= 300
    assert " ".join(parts).split() == ("and so on, " * 60).split()


def test_a_style_of_another_engine_is_refused(base: SpeechModel) -> None:
    with pytest.raises(ValueError, match="style"):
        say(base, "Hello.", np.zeros(256, np.float32))


def test_other_languages_are_refused(base: SpeechModel, clips: list[TrainingClip]) -> None:
    with pytest.raises(LanguageNotSupported, match="English"):
        next(base.synthesize("Ciao.", style=AVERAGE, language="it"))
    with pytest.raises(LanguageNotSupported, match="English"):
        base.style_of(clips[0], language="it")


def test_stock_voices_are_a_woman_and_a_man(base: SpeechModel) -> None:
    pitches = {voice.gender: median_hz(say(base, SENTENCES[1], base.stock_style(voice.name))) for voice in STOCK_VOICES}
    assert pitches["masculine"] < 150 < pitches["feminine"]
    with pytest.raises(KeyError):
        base.stock_style("nobody")


def test_the_base_takes_the_pitch_of_a_clip(base: SpeechModel, clips: list[TrainingClip]) -> None:
    style = base.style_of(clips[0], language="en")
    assert style.shape == (STYLE_SIZE,)
    assert style.dtype == np.float32
    recorded = median_hz(read_clip(clips[0]))
    assert median_hz(say(base, SENTENCES[1], style)) == pytest.approx(recorded, rel=0.08)


def test_a_silent_reference_is_named(base: SpeechModel, tmp_path: Path) -> None:
    write_wav(tmp_path / "silence.wav", np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    clip = TrainingClip(id="quiet", path=tmp_path / "silence.wav", transcript="Hello.", duration_seconds=1)
    with pytest.raises(AudioError, match="quiet"):
        base.style_of(clip, language="en")


def test_fine_tuned_speech_has_the_speakers_spectrum(
    base: SpeechModel, fine_tuned: SpeechModel, clips: list[TrainingClip]
) -> None:
    recorded = band_levels_db(np.concatenate([read_clip(clip) for clip in clips]))
    text = " ".join(SENTENCES)
    style = base.style_of(clips[0], language="en")
    before = np.abs(band_levels_db(say(base, text, style)) - recorded).mean()
    after = np.abs(band_levels_db(say(fine_tuned, text)) - recorded).mean()
    assert after < 0.6 * before


def band_levels_db(waveform: np.ndarray) -> np.ndarray:
    """Levels in thirds of an octave from 125 Hz to 6.3 kHz, relative to the whole, shape (17,)."""
    frames = speech_frames(waveform)
    power = np.mean(np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]))) ** 2, axis=0)
    frequency = np.fft.rfftfreq(frames.shape[1], 1 / SAMPLE_RATE)
    edges = 125 * 2 ** (np.arange(18) / 3)
    bands = [power[(frequency >= low) & (frequency < high)].sum() for low, high in pairwise(edges)]
    return 10 * np.log10(np.array(bands) / np.sum(bands))


def test_voices_differ_as_their_clips_do(fine_tuned: SpeechModel, clips: list[TrainingClip]) -> None:
    assert len(clips) >= 12
    spoken = [say(fine_tuned, SENTENCES[0], fine_tuned.style_of(clip, language="en")) for clip in clips]
    recorded = [read_clip(clip) for clip in clips]
    pitch = spearmanr([median_hz(each) for each in recorded], [median_hz(each) for each in spoken])
    letters_per_second = [
        sum(map(str.isalpha, clip.transcript)) / active_seconds(each)
        for clip, each in zip(clips, recorded, strict=True)
    ]
    pace = spearmanr(letters_per_second, [1 / active_seconds(each) for each in spoken])
    assert pitch.statistic >= 0.7
    assert pace.statistic >= 0.7


def test_another_process_speaks_with_the_saved_weights_and_needs_no_torch(folder: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from model.audio import write_wav; from model.engines.tiny.engine import TinyEngine\n"
        "model = TinyEngine().load(Path(sys.argv[1]))\n"
        "speech = model.synthesize(sys.argv[3], style=np.zeros(5, np.float32), language='en')\n"
        "write_wav(Path(sys.argv[2]), np.concatenate([part.waveform for part in speech]), 24000)\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    path = tmp_path / "speech.wav"
    arguments = [sys.executable, "-c", script, str(folder), str(path), SENTENCES[1]]
    subprocess.run(arguments, check=True, cwd=Path(__file__).parent.parent)
    waveform, sample_rate = read_wav(path)
    parameters, _ = read_parameters(folder / MODEL_FILE)
    assert sample_rate == SAMPLE_RATE
    assert median_hz(waveform) == pytest.approx(2**parameters.traits.pitch, rel=0.08)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-7] ^= 4
    path.write_bytes(content)


def _replace_by_others(path: Path) -> None:
    save_file({"weight": np.zeros(3, np.float32)}, path)


@pytest.mark.parametrize("damage", [_truncate, _flip_a_bit, _replace_by_others, Path.unlink, Path.touch])
def test_damaged_weights_are_named(folder: Path, tmp_path: Path, damage: object) -> None:
    path = tmp_path / MODEL_FILE
    if damage is not Path.touch:
        path.write_bytes((folder / MODEL_FILE).read_bytes())
    assert callable(damage)
    damage(path)
    with pytest.raises(WeightsUnavailable, match=MODEL_FILE):
        TinyEngine().load(tmp_path)


def test_recognition_understands_base_and_fine_tune(
    base: SpeechModel, fine_tuned: SpeechModel, clips: list[TrainingClip], weights_dir: Path
) -> None:
    transcriber = Transcriber(prepare_whisper(weights_dir))
    speakers = {"base": (base, base.stock_style("ada")), "fine-tune": (fine_tuned, AVERAGE)}
    for name, (model, style) in speakers.items():
        heard = transcriber.transcribe(say(model, " ".join(SENTENCES), style), "en").text
        assert word_error_rate(" ".join(SENTENCES), heard, "en") <= 0.15, f"{name}: {heard}"
