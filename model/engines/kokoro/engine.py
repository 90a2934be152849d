"""The Kokoro engine: trains and loads voices of Kokoro-82M behind the engine protocol."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from model import devices
from model.devices import Device
from model.engines.kokoro import weights
from model.engines.kokoro.phonemes import ESPEAK_VOICES
from model.engines.protocol import FineTuneConfig, Progress, TrainingClip
from model.errors import LanguageNotSupported

if TYPE_CHECKING:
    import torch

    from model.engines.kokoro.alignment import Aligner
    from model.engines.kokoro.layers import NormMemory
    from model.engines.kokoro.network import Network
    from model.engines.kokoro.state import Shares
    from model.engines.kokoro.styles import SpeakerStyle
    from model.engines.protocol import Stretch, Style

VOICES_REMEMBERED = 16
PREDICTOR_SHARE, DECODER_SHARE = 0.9, 0.8
"""What a fine-tune speaks with; see `Shares`."""


class KokoroEngine:
    """Kokoro-82M v1.0."""

    sample_rate = 24_000
    languages = tuple(ESPEAK_VOICES)
    stages = ("align", "prosody", "voice")
    # Normalised similarity and naturalness (two voices, six sentences, with all that the predictor and the decoder have
    # learnt): Italian after 15 minutes .847 and 4.333 at .35, .878 and 4.155 at .5; English after 45 .962 and 4.366 at
    # .35, .996 and 4.301 at .5. With an earlier recipe, Italian: .73 and 4.34 at 0, .83 and 4.24 at .25.
    strengths = (0.5, 0.35, 0.2)

    def __init__(self, weights_dir: Path, *, device: Device = "auto") -> None:
        self._weights_dir = weights_dir
        self._device: Device = device
        self._network: _SharedNetwork | None = None

    def prepare_weights(self) -> None:
        """Convert the weights unless that is done; raises WeightsUnavailable."""
        weights.prepare(self._weights_dir)

    def fine_tune(self, clips: Sequence[TrainingClip], config: FineTuneConfig, folder: Path) -> Iterator[Progress]:
        """Train on clips within `config.seconds`; see `Engine.fine_tune`."""
        from model.engines.kokoro.state import Shares
        from model.engines.kokoro.training import FineTune

        _check_language(config.language)
        base_sha256 = weights.prepare(self._weights_dir)
        network = weights.load(self._weights_dir)
        run = FineTune(
            network,
            open_base=partial(weights.opened, self._weights_dir),
            base_sha256=base_sha256,
            clips=clips,
            config=config,
            folder=folder,
            device=devices.find(self._device),
            shares=Shares(alpha=self.strengths[0], predictor_share=PREDICTOR_SHARE, decoder_share=DECODER_SHARE),
        )
        yield from run.run()

    def set_strength(self, folder: Path, strength: float) -> None:
        """Write the strength down beside the weights."""
        from model.engines.kokoro import state

        state.set_alpha(folder, strength)

    def load(self, folder: Path | None, *, strength: float | None = None) -> "KokoroModel":
        """The base model, or the voice that `fine_tune` left in `folder`; raises WeightsUnavailable.

        The models that one engine loads share its network and take turns in it: a fine-tune costs its difference only.
        """
        if self._network is None:
            network = weights.load(self._weights_dir)
            self._network = _SharedNetwork(network, self._weights_dir, devices.find(self._device))
        if folder is None:
            return KokoroModel(self._network)
        from model.engines.kokoro import state

        story = state.check_finished(folder, weights.prepare(self._weights_dir))
        shares = story if strength is None else replace(story, alpha=strength)
        model = KokoroModel(self._network, path=folder / state.MODEL_FILE, shares=shares)
        self._network.taken_by(model)
        return model


class _SharedNetwork:
    """A base network in which fine-tuned models take turns.

    What they change is read from the base's file for each: held besides, it would take a fifth of a gigabyte.
    """

    def __init__(self, network: "Network", weights_dir: Path, device: "torch.device") -> None:
        self._network = network.to(device)
        self._device = device
        self._weights_dir = weights_dir
        self._holder: KokoroModel | None = None

    def taken_by(self, model: "KokoroModel") -> "Network":
        """The network with the weights of `model`; raises WeightsUnavailable when they are gone."""
        if self._holder is not model:
            self._holder = None
            self._give_weights(model)
            self._holder = model
        return self._network

    def _give_weights(self, model: "KokoroModel") -> None:
        from model.engines.kokoro import state

        with weights.opened(self._weights_dir) as base:
            if model.path is None:
                for name in state.trained_names(self._network):
                    self._network.get_parameter(name).data = base(name)
            else:
                model.speaker = state.restore(model.path, network=self._network, base=base, shares=model.shares)
        self._network.to(self._device)


class KokoroModel:
    """A model ready to speak: the base, or a fine-tune in `path` with its speaker's style."""

    def __init__(self, network: _SharedNetwork, *, path: Path | None = None, shares: "Shares | None" = None) -> None:
        self.path = path
        self.shares = shares
        self.speaker: SpeakerStyle | None = None
        self._shared = network
        self._aligner: Aligner | None = None
        self._memories: OrderedDict[bytes, NormMemory] = OrderedDict()

    def network(self) -> "Network":
        """The network with this model's weights, until another model of the engine takes it."""
        return self._shared.taken_by(self)

    def style_of(self, clip: TrainingClip, *, language: str) -> "Style":
        """The speaker's style bent towards the clip; of the base model, stock voices blended to be like it."""
        from model.engines.kokoro import examples, styles

        _check_language(language)
        if self.speaker is None:
            return styles.style_like(examples.read_clip(clip.path), language)
        return self.speaker.style_of(self._traits_of(self.speaker, clip, language))

    def stock_style(self, name: str) -> "Style":
        """The style of a stock voice; KeyError when there is none of that name."""
        from model.engines.kokoro import styles

        return styles.stock_style(name)

    def synthesize(self, text: str, *, style: "Style", language: str, speed: float = 1.0) -> "Iterator[Stretch]":
        """Speak at 24 kHz, a stretch at a time; raises LanguageNotSupported."""
        from model.engines.kokoro.network import FINE_TUNED_LEAD_FRAMES
        from model.engines.kokoro.synthesis import speak

        _check_language(language)
        return speak(
            self.network,
            text,
            style=style,
            language=language,
            speed=speed,
            memory=self._memory_of(style),
            lead_frames=None if self.path is None else FINE_TUNED_LEAD_FRAMES,
            melody=1.0 if self.speaker is None else float(self.speaker.melody),
        )

    def _memory_of(self, style: "Style") -> "NormMemory":
        from model.engines.kokoro.layers import NormMemory

        memory = self._memories.setdefault(style.tobytes(), NormMemory())
        self._memories.move_to_end(style.tobytes())
        if len(self._memories) > VOICES_REMEMBERED:
            self._memories.popitem(last=False)
        return memory

    def _traits_of(self, speaker: "SpeakerStyle", clip: TrainingClip, language: str) -> "torch.Tensor":
        """The clip's traits; its pace is the speaker's mean one when its transcript does not align."""
        import torch

        from model.engines.kokoro import examples, features, styles
        from model.engines.kokoro.alignment import Aligner

        self._aligner = self._aligner or Aligner()
        measured = examples.measure(clip, self._aligner, language)
        if measured is not None:
            return measured.traits
        waveform = examples.read_clip(clip.path)
        energy = features.energy_of(torch.from_numpy(waveform)).numpy()
        pace = float(speaker.mean[styles.PACE])
        return torch.from_numpy(styles.traits_of(f0=features.pitch_of(waveform), energy=energy, pace=pace))


def _check_language(language: str) -> None:
    if language not in ESPEAK_VOICES:
        raise LanguageNotSupported(f'Kokoro does not speak "{language}" yet; it speaks: {", ".join(ESPEAK_VOICES)}.')
