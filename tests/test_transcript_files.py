"""Files of text that people give: formats, encodings, and faults in words."""

from pathlib import Path

import pytest

from model.errors import TranscriptUnreadable
from model.transcript_files import Cue, GivenText, is_text_file, read_text_file

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i> there,
{\\an8}my friend.

2
00:01:00,000 --> 00:01:02,000
[door closes]

3
01:00:03,250 --> 01:00:04,000
♪ Good-bye. ♪
"""
VTT = """WEBVTT - made by hand

NOTE nothing

intro
00:01.000 --> 00:02.500 align:start
<v Ada>Fish &amp; chips.
"""


def _read(tmp_path: Path, name: str, content: str | bytes) -> list[GivenText]:
    path = tmp_path / "upload"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_text_file(path, filename=name)


def test_a_text_belongs_to_the_recording_of_its_name(tmp_path: Path) -> None:
    assert _read(tmp_path, "Take 1.5.TXT", "\ufeffÇa va ?\r\nOui.\n") == [
        GivenText(stem="Take 1.5", text="Ça va ? Oui.")
    ]


def test_a_table_names_its_recordings(tmp_path: Path) -> None:
    table = (
        'LJ001|Dr. "Who" paid 5|Doctor Who paid five\nwavs/two.wav|Second.\nv1.5 take|A name with a dot.\n'
        "no transcript|\n\nno bar\n"
    )
    assert {given.stem: given.text for given in _read(tmp_path, "metadata.csv", table)} == {
        "LJ001": "Doctor Who paid five",
        "two": "Second.",
        "v1.5 take": "A name with a dot.",
    }


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_subrip_gives_words_and_times_without_what_is_not_said(tmp_path: Path, line_end: str) -> None:
    (given,) = _read(tmp_path, "talk.srt", "\n" + SRT.replace("\n", line_end))
    assert given.cues == (
        Cue(start_seconds=1.0, end_seconds=2.5, text="Hello there, my friend."),
        Cue(start_seconds=3603.25, end_seconds=3604.0, text="Good-bye."),
    )
    assert (given.stem, given.text) == ("talk", "Hello there, my friend. Good-bye.")


def test_webvtt_gives_words_and_times(tmp_path: Path) -> None:
    (given,) = _read(tmp_path, "talk.vtt", VTT)
    assert given.cues == (Cue(start_seconds=1.0, end_seconds=2.5, text="Fish & chips."),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(("name", "content"), [("a.txt", "Grüße – “Ärger”"), ("a.srt", SRT.replace("Hello", "Grüße"))])
def test_usual_encodings_are_read(tmp_path: Path, name: str, content: str, encoding: str) -> None:
    assert "Grüße" in _read(tmp_path, name, content.replace("♪", "").encode(encoding))[0].text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"RIFF\0\0WAVE", "“a.txt” is no text"),
        ("a.txt", b"\x81\x8d", "in no encoding that is known"),
        ("a.txt", b" \n", "“a.txt” is empty"),
        ("table.csv", b"name,text\na,Hello.", "no line of the form name|text"),
        ("a.srt", b"Hello.", "is not in the format SubRip"),
        ("a.vtt", SRT.encode(), "is not in the format WebVTT"),
        ("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\n[music]\n", "no words in its subtitles"),
        ("a.vtt", b"WEBVTT\n\n00:99.000 --> 01:00.000\nHi.\n", "no words in its subtitles"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    with pytest.raises(TranscriptUnreadable, match=words.replace("|", "\\|")):
        _read(tmp_path, name, content)


def test_a_text_is_known_by_its_ending() -> None:
    assert [name for name in ("a.TXT", "a.b.srt", "txt", "a.txt.wav", "metadata.csv") if is_text_file(name)] == [
        "a.TXT",
        "a.b.srt",
        "metadata.csv",
    ]
