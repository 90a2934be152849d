"""A fine-tune on disk: what differs from the base model, in float16, as safetensors with its story in the header."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model.engines.kokoro.network import Network
from model.engines.kokoro.styles import SpeakerStyle
from model.errors import WeightsUnavailable
from model.files import sha256_of, written_aside

MODEL_FILE = "model.safetensors"
STORY_FILE = "model.json"
CHECKPOINT_FILE = "checkpoint.safetensors"
_SPEAKER = "speaker."


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How much a finished fine-tune speaks with of what has been learnt: by the predictor, by the decoder before its
    generator, and by the generator (`alpha`).

    What is fine-tuned is more natural a little nearer to its base, and hardly less like the speaker (after Wortsman et
    al. 2022, “Robust fine-tuning of zero-shot models”). .9 and .8 against all of both, at an alpha of .5, four voices,
    six to twelve sentences: DistillMOS +.19 in Spanish, +.05 in Italian, normalised similarity -.017 and -.011; French
    (.8 and .8) +.28 and +.009, English +.10 and -.007. Models that do not tell them speak with all.
    """

    alpha: float
    predictor_share: float = 1.0
    decoder_share: float = 1.0

    def of(self, name: str) -> float:
        """For the tensor of that name."""
        if name.startswith("predictor."):
            return self.predictor_share
        return self.alpha if name.startswith("decoder.generator.") else self.decoder_share


@dataclass(frozen=True, kw_only=True)
class StageStory:
    """How far a stage came (`done`, 0 to 1), in how many steps and seconds, with which losses."""

    done: float = 0.0
    steps: int = 0
    seconds: float = 0.0
    losses: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Story(Shares):
    """What made a state: of which base and clips, how far each stage came, and how much of it speaks."""

    base_sha256: str
    fingerprint: str
    seconds_spent: float = 0.0
    speech_seconds: float = 0.0
    clips: int = 0
    clips_left_out: int = 0
    stages: Mapping[str, StageStory] = field(default_factory=dict)


def trained_names(network: Network) -> list[str]:
    """Names of the tensors that fine-tuning changes, or once did: the source's norms differ in earlier models."""
    return [
        name
        for name, _ in network.named_parameters()
        if name.startswith("predictor.")
        or (name.startswith("decoder.") and (".fc." in name or not name.startswith("decoder.generator.")))
    ]


def save(path: Path, *, network: Network, base: Callable[[str], Tensor], speaker: SpeakerStyle, story: Story) -> None:
    """Write the difference to `base` (see `restore`) and the speaker's style, aside first."""
    from safetensors.torch import save_file

    tensors = {
        name: (network.get_parameter(name).detach().cpu() - base(name)).half() for name in trained_names(network)
    }
    tensors |= {_SPEAKER + name: value.detach().cpu().clone() for name, value in speaker.state_dict().items()}
    with written_aside(path) as part:
        save_file(tensors, part, metadata={"story": json.dumps(asdict(story))})


def finish(folder: Path, **state: Any) -> None:
    """Save the finished model, then its sidecar with hash and story; only with the sidecar it counts as finished."""
    model = folder / MODEL_FILE
    save(model, **state)
    record = {"sha256": sha256_of(model), **asdict(state["story"])}
    _write_record(folder, record)
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)


def set_alpha(folder: Path, alpha: float) -> None:
    """Let the finished model in `folder` speak with another `alpha`."""
    _write_record(folder, {**json.loads((folder / STORY_FILE).read_text()), "alpha": alpha})


def _write_record(folder: Path, record: Mapping[str, Any]) -> None:
    with written_aside(folder / STORY_FILE) as part:
        part.write_text(json.dumps(record, indent=2))


def read_story(path: Path) -> Story | None:
    """The story of a saved state, None when there is none or it cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            fields = json.loads(file.metadata()["story"])
        fields["stages"] = {
            name: StageStory(**{**stage, "losses": tuple(stage["losses"])}) for name, stage in fields["stages"].items()
        }
        return Story(**fields)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None


def restore(path: Path, *, network: Network, base: Callable[[str], Tensor], shares: Shares | None) -> SpeakerStyle:
    """Give a network the saved weights: the base model's and their shares of the difference to them; with None all of
    it, to go on with training.

    What the generator's adaptive norms learn brings likeness, but costs naturalness from the half on.

    `base` gives the base model's tensor of a name; it stays as it is. Raises WeightsUnavailable.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        saved = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsUnavailable(f"The weights of this voice are gone or damaged ({path}): train it again.") from error
    speaker_tensors: dict[str, Tensor] = {}
    for name, value in saved.items():
        if name.startswith(_SPEAKER):
            speaker_tensors[name.removeprefix(_SPEAKER)] = value
            continue
        tensor = base(name)
        network.get_parameter(name).data = torch.add(tensor, value.to(tensor), alpha=shares.of(name) if shares else 1.0)
    speaker = SpeakerStyle(speaker_tensors["center"], speaker_tensors["mean"][None])
    speaker.load_state_dict({"melody": torch.ones(()), **speaker_tensors})  # earlier models have none
    return speaker.requires_grad_(False)


def check_finished(folder: Path, base_sha256: str) -> Story:
    """The story of the finished model in `folder`; raises WeightsUnavailable unless it is whole and of this base."""
    model, sidecar = folder / MODEL_FILE, folder / STORY_FILE
    if not model.is_file() or not sidecar.is_file():
        raise WeightsUnavailable(f"There is no finished voice in {folder.name}: train it first.")
    try:
        record = json.loads(sidecar.read_text())
        expected, alpha = record["sha256"], float(record["alpha"])
    except (ValueError, KeyError, TypeError):
        expected, alpha = None, 0.0
    story = read_story(model) if sha256_of(model) == expected else None
    if story is None:
        raise WeightsUnavailable(
            f"The fine-tuned weights in {folder.name} are damaged ({MODEL_FILE} is not what was saved). "
            "Train the voice again, or restore the folder from a copy."
        )
    if story.base_sha256 != base_sha256:
        raise WeightsUnavailable(
            f"The voice in {folder.name} was trained on other base weights than are installed. "
            "Install those again, or train the voice again."
        )
    return replace(story, alpha=alpha)
