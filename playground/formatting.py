"""Records and figures -> the words and marks that people read. Pure functions; text of people is always escaped."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from model.base_models import BASE_MODELS
from playground.services.runs import CANCELLED
from storage.records import DatasetFile, FineTune, Status, TrainingEvent

NOTHING = "–"

VERDICT_TONES = {"good": "good", "usable": "fair", "poor": "poor", "rejected": "bad", "": "busy"}
STATUS_TONES = {
    Status.DRAFT: "plain",
    Status.CREATED: "busy",
    Status.TRAINING: "busy",
    Status.COMPLETED: "good",
    Status.FAILED: "bad",
}


def base_model_choices() -> list[tuple[str, str]]:
    """The production models with their dated ids; those for trying out come last, where the style sets them apart."""
    bases = sorted(BASE_MODELS, key=lambda base: not base.is_production)
    return [(f"{base.title} · {base.id}", base.id) for base in bases]


def clock(seconds: float | None) -> str:
    """A length: `0:07`, `4:03`, `1:02:03`."""
    if seconds is None:
        return NOTHING
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def minutes(seconds: float) -> str:
    """An amount of speech: `45 seconds`, `4.2 minutes`, `37 minutes`."""
    if seconds < 60:
        return count(int(seconds), "second")
    amount = f"{seconds / 60:.1f}" if seconds < 600 else f"{seconds / 60:.0f}"
    return f"{amount.removesuffix('.0')} minute{'' if amount == '1.0' else 's'}"


def time_left(seconds: float | None) -> str:
    """A guess, no more exact than it is: `less than a minute left`, `about 12 minutes left`."""
    if seconds is None:
        return ""
    if seconds < 45:
        return "less than a minute left"
    return f"about {count(max(1, round(seconds / 60)), 'minute')} left"


def size(size_bytes: int) -> str:
    """`512 B`, `113 KB`, `4.2 MB`, `1.3 GB`."""
    amount = float(size_bytes)
    for unit in ("B", "KB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit in ("B", "KB") else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GB"


def credits(amount: float) -> str:
    """`1,000,000`; halves keep their digit, and nothing has no sign."""
    amount = amount or 0.0
    return f"{amount:,.0f}" if float(amount).is_integer() else f"{amount:,.1f}"


def count(number: int, noun: str) -> str:
    """`1 file`, `3 files`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `11th`."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def moment(at: str | None) -> str:
    """A time in the machine's own zone, as a `<time>` mark: `2026-01-31 14:05`."""
    if not at:
        return NOTHING
    local = datetime.fromisoformat(at).astimezone()
    return f'<time datetime="{escape(at)}">{local:%Y-%m-%d %H:%M}</time>'


def chip(words: str, tone: str) -> str:
    """A small coloured mark; tones are plain, busy, good, fair, poor and bad. The words alone say it all."""
    return f'<span class="chip {tone}">{escape(words)}</span>'


def status_words(fine_tune: FineTune, *, position: int | None = None) -> str:
    """`Draft`, `Training · waiting, 2nd`, `Training · 43 %`, `Completed`, `Failed · cancelled by you`."""
    if fine_tune.status == Status.CREATED:
        return f"Training · waiting, {ordinal(position or 1)}"
    if fine_tune.status == Status.TRAINING:
        return "Training · cancelling" if fine_tune.cancel_requested else f"Training · {percent(fine_tune.progress)}"
    if fine_tune.status == Status.FAILED and fine_tune.error_code == CANCELLED:
        return "Failed · cancelled by you"
    return fine_tune.status.capitalize()


def status_chip(fine_tune: FineTune, *, position: int | None = None) -> str:
    return chip(status_words(fine_tune, position=position), STATUS_TONES[fine_tune.status])


def verdict_chip(file: DatasetFile) -> str:
    return chip(file.verdict.capitalize() or "Checking…", VERDICT_TONES.get(file.verdict, "plain"))


def percent(fraction: float) -> str:
    return f"{min(max(fraction, 0.0), 1.0):.0%}".replace("%", " %")


def length(file: DatasetFile) -> str:
    """How long a file is, and how much of it can be used, as HTML."""
    if file.duration_seconds is None:
        return NOTHING
    return f"{clock(file.duration_seconds)}<small>{clock(file.usable_seconds)} usable</small>"


def loudness(file: DatasetFile) -> str:
    """Loudness and clipping, as HTML; what is there is never called none."""
    if file.loudness_lufs is None:
        return NOTHING
    ratio = file.clipping_ratio or 0.0
    clipped = "not clipped" if not ratio else "barely clipped" if ratio < 1e-4 else f"{ratio:.2%} clipped"
    return f"{_signed(file.loudness_lufs)} LUFS<small>{clipped.replace('%', ' %')}</small>"


def noise(snr_db: float | None) -> str:
    """How far speech stands above the noise."""
    return NOTHING if snr_db is None else f"{_signed(snr_db)} dB"


def rate(file: DatasetFile) -> str:
    """Sample rate, and up to where there is sound, as HTML."""
    if file.sample_rate is None:
        return NOTHING
    words = f"{file.sample_rate / 1000:g}&nbsp;kHz"
    return f"{words}<small>sound to {file.bandwidth_hz / 1000:.1f}&nbsp;kHz</small>" if file.bandwidth_hz else words


def _signed(value: float) -> str:
    return f"{value:.0f}".replace("-", "−")


def progress_bar(fraction: float, *, label: str) -> str:
    """A bar, 0 to 1, that screen readers read out as well."""
    part = min(max(fraction, 0.0), 1.0) * 100
    return (
        f'<div class="bar" role="progressbar" aria-label="{escape(label)}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{part:.0f}"><span style="width:{part:.1f}%"></span></div>'
    )


def loss_curves(events: Sequence[TrainingEvent]) -> str:
    """One small curve for each stage that has a loss, of the latest attempt; empty before there is one."""
    attempt = max((event.attempt for event in events), default=0)
    stages: dict[str, list[tuple[int, float]]] = {}
    for event in events:
        if event.attempt == attempt and event.loss is not None:
            stages.setdefault(event.stage, []).append((event.step, event.loss))
    return "".join(_curve(stage, points) for stage, points in stages.items() if len(points) > 1)


CURVE_WIDTH, CURVE_HEIGHT, CURVE_POINTS = 320, 88, 160


def _curve(stage: str, points: Sequence[tuple[int, float]]) -> str:
    points = points[:: -(-len(points) // CURVE_POINTS)] if len(points) > CURVE_POINTS else points
    steps, losses = [step for step, _ in points], [loss for _, loss in points]
    width = max(steps[-1] - steps[0], 1)
    lowest, height = min(losses), max(max(losses) - min(losses), 1e-9)
    path = " ".join(
        f"{(step - steps[0]) / width * CURVE_WIDTH:.1f},{4 + (1 - (loss - lowest) / height) * (CURVE_HEIGHT - 8):.1f}"
        for step, loss in points
    )
    words = f"Loss in the stage {stage}: {losses[0]:.3g} at first, {losses[-1]:.3g} now"
    return (
        f'<figure class="curve"><figcaption><b>{escape(stage.capitalize())}</b> loss {losses[0]:.3g} → '
        f"{losses[-1]:.3g}</figcaption>"
        f'<svg viewBox="0 0 {CURVE_WIDTH} {CURVE_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(words)}"><polyline points="{path}"/></svg></figure>'
    )
