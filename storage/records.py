"""The rows as frozen values. Paths are relative to the data folder; times are those of storage/times.py."""

import secrets
import unicodedata
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from storage.times import now

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def name_key(name: str) -> str:
    """A name as it is compared: systems write accents in two ways."""
    return unicodedata.normalize("NFC", name)


def new_id(kind: str) -> str:
    """A fresh id such as `dataset_8sKq…` (22 base-58 characters); voices have UUIDs, as clients expect."""
    if kind == "voice":
        return str(uuid.uuid4())
    return f"{kind}_" + "".join(secrets.choice(_BASE58) for _ in range(22))


class Status(StrEnum):
    """Where a fine-tune stands; a draft is not yet in the API."""

    DRAFT = "draft"
    CREATED = "created"
    TRAINING = "training"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_running(self) -> bool:
        return self in (Status.CREATED, Status.TRAINING)


class TranscriptSource(StrEnum):
    """Where a clip's transcript comes from."""

    NONE = ""
    HEARD = "heard"
    GIVEN = "given"
    EDITED = "edited"

    @property
    def is_persons(self) -> bool:
        return self in (TranscriptSource.GIVEN, TranscriptSource.EDITED)


DOUBTFUL_CONFIDENCE = 0.6
"""Below it somebody should look at what recognition heard."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The recordings of one speaker."""

    id: str = field(default_factory=lambda: new_id("dataset"))
    name: str
    description: str = ""
    created_at: str = field(default_factory=now)
    is_review_due: bool = False
    """Whether what only shows among all recordings (speakers, languages) is to be looked at again."""
    review_tries: int = 0
    """Of the review that is under way, or whose process was killed."""
    reduces_noise: bool = False
    """Whether trainings take steady noise out of its clips."""


@dataclass(frozen=True, kw_only=True)
class DatasetFile:
    """One uploaded recording; `verdict` is empty until it has been inspected.

    `findings` hold kind, verdict, reason and advice each; `verdict` and `reason` sum them up. `left_out` has seconds
    by reason, `speaker_similarity` is the median of the clips', `language` a guess from what is heard.
    """

    id: str = field(default_factory=lambda: new_id("file"))
    dataset_id: str
    filename: str
    size: int
    sha256: str
    path: str
    created_at: str = field(default_factory=now)
    verdict: str = ""
    reason: str = ""
    duration_seconds: float | None = None
    usable_seconds: float = 0.0
    sample_rate: int | None = None
    bandwidth_hz: float | None = None
    loudness_lufs: float | None = None
    snr_db: float | None = None
    clipping_ratio: float | None = None
    preview_path: str = ""
    inspections: int = 0
    findings: list[dict[str, str]] = field(default_factory=list)
    left_out: dict[str, float] = field(default_factory=dict)
    music_share: float | None = None
    decay_seconds: float | None = None
    speaker_similarity: float | None = None
    language: str = ""
    """Recognition's guess, two letters; empty until it has listened."""
    language_probability: float | None = None
    duplicate_of: str = ""

    @property
    def is_pending(self) -> bool:
        return not self.verdict

    @property
    def stem(self) -> str:
        """By what texts find it: the name without suffix."""
        return name_key(PurePath(self.filename).stem)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A stretch of 1 to 12 s of a file, cut at pauses, with what was said in it.

    `heard` is what recognition heard (None until it has listened), in `language` and with `confidence`; `given` what a
    person's text says here. `transcript` is the one of them that counts, or what a person wrote over it.
    """

    id: str = field(default_factory=lambda: new_id("clip"))
    dataset_id: str
    file_id: str
    path: str
    start_seconds: float
    duration_seconds: float
    transcript: str = ""
    transcript_source: TranscriptSource = TranscriptSource.NONE
    heard: str | None = None
    hearings: int = 0
    """Tries that came to no end."""
    language: str = ""
    confidence: float | None = None
    given: str = ""
    is_excluded: bool = False
    """Not trained on, nor kept back, nor made into a voice."""
    created_at: str = field(default_factory=now)
    speaker_similarity: float | None = None
    """Cosine to the dataset's main speaker, about 0.94 for the same one; None until it was listened to."""

    @property
    def is_doubtful(self) -> bool:
        """Whether recognition was unsure, or heard something else than the given text."""
        is_unsure = bool(self.given) or (self.confidence or 0.0) < DOUBTFUL_CONFIDENCE
        return self.transcript_source == TranscriptSource.HEARD and is_unsure


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """What is spoken in the file of this stem (or SHA-256), given by a person.

    `cues` have `start`, `end` (seconds) and `text`; those from an archive also hold the columns of the clip there.
    """

    id: str = field(default_factory=lambda: new_id("transcript"))
    dataset_id: str
    stem: str
    text: str
    cues: list[dict[str, Any]] = field(default_factory=list)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class ClipEdit:
    """One clip before a step of its person; a step may change many clips."""

    id: int | None = None
    dataset_id: str
    clip_id: str
    step: str
    kind: str
    before: dict[str, Any]
    """The columns as they were."""
    at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class FineTune:
    """One clone: its form, its run, and what became of it."""

    id: str = field(default_factory=lambda: new_id("fine_tune"))
    name: str
    description: str = ""
    language: str = "en"
    gender: str = ""
    accent: str | None = None
    model_id: str
    dataset_id: str | None = None
    status: Status = Status.DRAFT
    training_minutes: int = 60
    consented_at: str | None = None
    created_at: str = field(default_factory=now)
    queued_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    caller: str = ""
    request_sha256: str = ""
    idempotency_key: str = ""
    webhook_url: str = ""
    attempt: int = 0
    takeovers: int = 0
    lease_owner: str | None = None
    lease_expires_at: str | None = None
    cancel_requested: bool = False
    stage: str = ""
    stage_started_at: str | None = None
    step: int = 0
    steps: int = 0
    progress: float = 0.0
    progressed_at: str | None = None
    eta_seconds: float | None = None
    message: str = ""
    error_code: str = ""
    error: str = ""
    previous_error_code: str = ""
    user_errors: list[dict[str, str]] = field(default_factory=list)
    stage_seconds: dict[str, float] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrainingEvent:
    """One point of a run's curve."""

    id: int | None = None
    fine_tune_id: str
    attempt: int
    at: str = field(default_factory=now)
    stage: str
    step: int
    steps: int
    loss: float | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Voice:
    """What one speaks with: a stock voice of a base model, or a fine-tune with one of its reference clips."""

    id: str = field(default_factory=lambda: new_id("voice"))
    name: str
    description: str = ""
    language: str
    gender: str = ""
    model_id: str
    fine_tune_id: str | None = None
    position: int = 0
    stock_name: str = ""
    base_voice_id: str = ""
    reference_path: str = ""
    reference_text: str = ""
    style_path: str = ""
    tagline: str = ""
    accents: list[str] = field(default_factory=list)
    created_at: str = field(default_factory=now)

    @property
    def is_stock(self) -> bool:
        """Whether it came with a base model; what was made from such a voice is one's own."""
        return bool(self.stock_name) and not self.base_voice_id

    @property
    def is_instant(self) -> bool:
        """Whether it was made from one clip, without training."""
        return bool(self.style_path) and self.fine_tune_id is None


@dataclass(frozen=True, kw_only=True)
class Speech:
    """One spoken result of the page, kept for its history."""

    id: str = field(default_factory=lambda: new_id("speech"))
    voice_id: str
    model_id: str
    fine_tuned: bool
    text: str
    credits: float
    path: str
    duration_seconds: float
    created_at: str = field(default_factory=now)


class LedgerKind(StrEnum):
    """What moved credits."""

    GRANT = "grant"
    HOLD = "hold"
    RELEASE = "release"
    CHARGE = "charge"
    SPEECH = "speech"


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """One movement of credits; the balance is the sum of all amounts."""

    id: str = field(default_factory=lambda: new_id("entry"))
    kind: LedgerKind
    amount: float
    note: str
    fine_tune_id: str | None = None
    attempt: int | None = None
    created_at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One value that outlives the process, by name."""

    id: str
    value: str


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key of a program: the hash of its secret, never the secret; `hint` is how the secret ends."""

    id: str = field(default_factory=lambda: new_id("key"))
    name: str
    scope: str
    sha256: str
    hint: str
    created_at: str = field(default_factory=now)
    last_used_at: str | None = None
    revoked_at: str | None = None


@dataclass(frozen=True, kw_only=True)
class EndedSession:
    """A session of the page whose person has signed out; `expires_at` is when it would have ended by itself."""

    id: str
    expires_at: str


@dataclass(frozen=True, kw_only=True)
class PronunciationDict:
    """How some words shall be said; each item has `text`, `alias` and `case_sensitive`."""

    id: str = field(default_factory=lambda: new_id("pdict"))
    name: str
    description: str = ""
    items: list[dict[str, Any]] = field(default_factory=list)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class WebhookCall:
    """News of a run on its way to a program's address: tried until it arrives or is given up."""

    id: str = field(default_factory=lambda: new_id("msg"))
    fine_tune_id: str
    url: str
    body: str
    attempts: int = 0
    due_at: str | None = field(default_factory=now)
    delivered_at: str | None = None
    last_error: str = ""
    created_at: str = field(default_factory=now)
