"""Opens sound files by their content and finds the sound in them; tells what cannot be read, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from model.errors import AudioError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

FORMATS = (
    *("wav", "mp3", "flac", "ogg", "oga", "ogx", "opus", "aac", "m4a", "wma", "ac3", "webm", "aiff", "aif"),
    *("caf", "au", "amr", "mpga", "mpeg", "mpg", "mp4", "m4v", "m4b", "3gp", "mov", "mkv"),
)
"""Suffixes that pickers offer and words name: the one list of formats. The decoder goes by content alone."""

DEMUXERS = (
    "wav,w64,mp3,flac,ogg,aac,loas,mov,asf,xwma,ac3,eac3,matroska,aiff,caf,au,amr,amrnb,amrwb,mpeg,mpegts,avi,flv,"
    "ape,wv,tta,tak,mpc,mpc8,dsf,iff,voc,sox,nistsphere,dts,truehd,rm,oma"
)
"""What may be read: all that holds sound itself. No playlists: with one, an upload could name the machine's files."""

GUESSING_DEMUXERS = ("aac", "loas", "ac3", "eac3", "amr", "amrnb", "amrwb", "mpeg", "mpegts")
"""Their headers tell no length; ffmpeg guesses one from the bit rate."""

PROTECTED_TAGS = ("drms", "enca", "aavd")
"""Codec tags of encrypted MP4 sound: FairPlay, Common Encryption (ISO/IEC 23001-7), Audible."""

ASF_ENCRYPTION = bytes.fromhex("fbb31122 23bdd211 b4b700a0 c955fc6e")
"""GUID of the Content Encryption Object (ASF specification, 3.14) as it lies in a file."""


class _Content:
    """An open file without its name, so that only the content decides what it is."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.tell, self._seek = file.read, file.tell, file.seek

    def seek(self, offset: int, whence: int = 0) -> int:
        """Where the file stands now; -1, as ffmpeg says it, for a place that a damaged header made up."""
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError):
            return -1


@contextmanager
def open_container(source: Path, name: str) -> "Iterator[InputContainer]":
    """Open `source`, whatever its suffix says; raises AudioError that calls it `name`."""
    import av

    if source.stat().st_size == 0:
        raise AudioError(f"{name} is empty (0 bytes). Export or upload it again.")
    with source.open("rb") as file:
        head = file.read(64)
        file.seek(0)
        try:
            container: Any = av.open(_Content(file), options={"format_whitelist": DEMUXERS}, metadata_errors="replace")
        except (av.FFmpegError, ValueError) as error:
            raise AudioError(_not_opened(name, head)) from error
        with container:
            yield container


def _not_opened(name: str, head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return f"{name} is incomplete: the index of this MP4 file is missing. Copy or export the file again."
    return (
        f"{name} is not a sound file: its content is of no audio or video format that is known. "
        "Export it as WAV, FLAC or MP3."
    )


def sound_of(container: "InputContainer", source: Path, name: str) -> "AudioStream":
    """The stream of sound to read; raises AudioError when there is none or it is protected."""
    stream: Any = container.streams.best("audio")
    if stream is None:
        raise AudioError(f"{name} has no sound in it. Choose a file with an audio track.")
    with source.open("rb") as file:
        encrypted = container.format.name == "asf" and ASF_ENCRYPTION in file.read(65_536)
    if encrypted or stream.codec_context is None or stream.codec_context.codec_tag in PROTECTED_TAGS:
        raise AudioError(f"{name} is copy-protected and cannot be read. Use a recording without protection.")
    return stream


def declared_seconds(container: "InputContainer", stream: "AudioStream", source: Path) -> float:
    """Length that the header tells, 0 where it tells none."""
    kind = container.format.name
    if kind in GUESSING_DEMUXERS or (kind == "mp3" and not _has_length_header(source)):
        return 0.0
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration and len(container.streams) == 1 else 0.0


def _has_length_header(source: Path) -> bool:
    """Whether an MP3 file opens with a Xing or Info frame behind its ID3v2 tag (28-bit size at byte 6)."""
    with source.open("rb") as file:
        head = file.read(10)
        size = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=False))
        file.seek(10 + size if head.startswith(b"ID3") else 0)
        frame = file.read(4096)
    return b"Xing" in frame or b"Info" in frame
