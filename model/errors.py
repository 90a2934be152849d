"""Errors of the model layer: each message is a sentence that a person can act on."""


class ModelError(Exception):
    """Base of all expected faults in `model/`; `code` is stable for programs, the message is for people."""

    code = "model_error"


class AudioError(ModelError):
    """A recording cannot be read, or holds nothing that can be used."""

    code = "audio_unreadable"


class FormatUnknown(AudioError):
    """What was sent to be heard is no sound in any format that is read here."""

    code = "unsupported_audio_format"


class TooLittleSpeech(ModelError):
    """The clips of a run hold less speech than training needs."""

    code = "too_little_speech"


class LanguageNotSupported(ModelError):
    """A base model does not speak the language that was asked for."""

    code = "language_not_supported"


class TranscriptUnreadable(ModelError):
    """A file of text cannot be read, or holds no words."""

    code = "transcript_unreadable"


class ModelNotFound(ModelError):
    """No base model has this id or alias."""

    code = "model_not_found"


class WeightsUnavailable(ModelError):
    """Weights are missing, truncated or not the ones expected."""

    code = "weights_unavailable"


class TrainingFailed(ModelError):
    """A training stage could not give a usable model."""

    code = "training_failed"


class DeviceUnavailable(ModelError):
    """The device that was asked for is not there."""

    code = "device_unavailable"
