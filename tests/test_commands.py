"""The command line: what it refuses, what it finds, and a whole clone."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from model.audio import read_wav
from playground.commands import serve
from playground.commands.main import main
from playground.parts import make_parts
from playground.services.voices import SDK_EXAMPLE_VOICE, Voices
from playground.settings import Settings
from storage.database import Storage
from tests.conftest import ROOT, SPEECH
from tests.hearing import charges
from tests.making import TINY


@pytest.fixture
def data_dir(tmp_path: Path, weights_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLAYGROUND_WEIGHTS_DIR", str(weights_dir))
    return tmp_path / "data"


def test_other_hosts_than_loopback_need_a_key_for_everything(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "create", "--name", "reader", "--scope", "speech", "--data-dir", str(data_dir)]) == 0
    assert main(["serve", "--host", "0.0.0.0", "--port", "0", "--data-dir", str(data_dir)]) == 2
    assert f"app.py keys create --name NAME --data-dir {data_dir}" in capsys.readouterr().err


def test_keys_are_made_listed_and_revoked(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ["--data-dir", str(data_dir)]
    assert main(["keys", "create", "--name", "robot", *folder]) == 0
    secret, words = capsys.readouterr().out.splitlines()
    id = words.split()[-1].rstrip(".")
    assert main(["keys", "list", *folder]) == 0
    listed = capsys.readouterr().out
    assert all(part in listed for part in (id, secret[-4:], "robot", "everything", "never"))
    assert secret not in listed
    assert main(["keys", "revoke", id, *folder]) == 0
    assert main(["keys", "list", *folder]) == 0
    assert "revoked 20" in capsys.readouterr().out
    assert main(["keys", "revoke", "key_x", *folder]) == 1
    assert "key_x" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["keys", "create", "--name", "robot"], 0),
        (["speak", "--voice", "nobody", "Hi.", "-o", "a.wav"], 1),
        (["clone", "--i-have-consent", "nowhere"], 1),
    ],
)
@pytest.mark.parametrize("credits", [0, 1000])
def test_commands_leave_the_servers_credits_alone(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], status: int, credits: int
) -> None:
    parts = make_parts(Settings(data_dir=data_dir, credits=credits))
    monkeypatch.delenv("PLAYGROUND_CREDITS", raising=False)
    assert main([*command, "--data-dir", str(data_dir)]) == status
    assert parts.accounts.account().balance == credits


def test_the_server_grants_what_its_settings_say(data_dir: Path) -> None:
    make_parts(Settings(data_dir=data_dir, credits=1000))
    parts = make_parts(Settings(data_dir=data_dir, credits=5))
    parts.accounts.grant()
    assert parts.accounts.account().balance == 5


def test_a_port_that_is_taken_is_said_at_once(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port), "--data-dir", str(data_dir)]) == 2
    assert f"Port {port} on 127.0.0.1 cannot be used" in capsys.readouterr().err
    assert not data_dir.exists()


def test_a_new_server_makes_its_voices_ready_and_leaves_no_process_behind_when_told_to_stop(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLAYGROUND_WEIGHTS_DIR", raising=False)
    command = [sys.executable, "app.py", "serve", "--port", "0", "--data-dir", str(data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stderr is not None
        try:
            assert "http://" in server.stdout.readline()
            said = next(line for line in server.stderr if "ready to speak" in line or "could not be made ready" in line)
            children = psutil.Process(server.pid).children()
            # Python's own, which outlives the server by a moment.
            processes = [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]
        finally:
            server.terminate()
            server.communicate(timeout=60)
    assert "ready to speak" in said
    assert server.returncode == 0
    assert len(processes) >= 4
    assert not any(process.is_running() for process in processes)


def test_a_setting_that_makes_no_sense_is_named(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLAYGROUND_PLAN", "gold")
    assert main(["doctor", "--data-dir", str(data_dir)]) == 2
    assert "PLAYGROUND_PLAN" in capsys.readouterr().err


def test_a_key_of_a_certificate_without_the_certificate_is_named(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key.pem").touch()
    assert main(["serve", "--data-dir", str(data_dir), "--ssl-keyfile", str(tmp_path / "key.pem")]) == 2
    assert "PLAYGROUND_SSL_KEYFILE: " in capsys.readouterr().err


def test_doctor_finds_this_machine_well(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--data-dir", str(data_dir), "--port", "1"]) == 0
    words = capsys.readouterr().out
    assert "FAIL" not in words
    assert all(subject in words for subject in ("Python", "disk", "memory", "kokoro-82m", "recognition", "browser"))


def test_doctor_names_what_mends_a_taken_port(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["doctor", "--data-dir", str(data_dir), "--port", str(taken.getsockname()[1])]) == 1
    assert "--port" in capsys.readouterr().out.split("FAIL port")[1]


def test_clone_needs_consent(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clone", "--data-dir", str(data_dir), "--model", TINY, str(SPEECH)]) == 1
    words = capsys.readouterr()
    assert "the person who speaks in them has agreed" in words.out
    assert "--i-have-consent" in words.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nowhere.wav"], "There is no file nowhere.wav"),
        (["--language", "de", str(SPEECH)], "does not speak German"),
        (["--model", "gpt", str(SPEECH)], "There is no model 'gpt'"),
    ],
)
def test_clone_refuses_before_anything_is_made(
    data_dir: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert main(["clone", "--data-dir", str(data_dir), "--i-have-consent", *options]) == 1
    assert words in capsys.readouterr().err
    with Storage(data_dir).read() as tables:
        assert tables.datasets.count() == 0


def test_clone_needs_the_plan(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLAYGROUND_PLAN", "free")
    assert main(["clone", "--data-dir", str(data_dir), "--i-have-consent", str(SPEECH)]) == 1
    assert "not part of the plan “free”" in capsys.readouterr().err


def test_speak_names_the_formats(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speak", "--data-dir", str(data_dir), "--voice", "x", "Hi", "-o", "a.doc"]) == 1
    assert "mp3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("taken/a.wav", "is a file, not a folder"),
        ("taken/deeper/a.wav", "cannot be written: Not a directory"),
        (f"{'a' * 250}.wav", "cannot be written: File name too long"),
        ("folder.wav", "is a folder"),
    ],
)
def test_speak_into_a_place_that_cannot_be_written_costs_nothing(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, words: str
) -> None:
    (tmp_path / "taken").touch()
    (tmp_path / "folder.wav").mkdir()
    asked = ["--voice", SDK_EXAMPLE_VOICE, "--model", TINY, "Hi.", "-o", str(tmp_path / out)]
    assert main(["speak", "--data-dir", str(data_dir), *asked]) == 1
    assert words in capsys.readouterr().err
    assert charges(make_parts(Settings(data_dir=data_dir))) == []


def test_clone_ends_with_four_voices_that_speak(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--name", "Ada", "--gender", "feminine", "--minutes", "1", "--model", TINY, "--i-have-consent"]
    assert main(["clone", "--data-dir", str(data_dir), *options, str(SPEECH)]) == 0
    words = capsys.readouterr().out
    voices = [line.split()[0] for line in words.splitlines() if "Ada - V" in line]
    assert len(voices) == 4
    assert "similarity" in words
    assert {voice.id for voice in Voices(Storage(data_dir)).search(is_owner=True)} == set(voices)

    out = tmp_path / "morning.wav"
    assert main(["speak", "--data-dir", str(data_dir), "--voice", voices[0], "Good morning.", "-o", str(out)]) == 0
    waveform, sample_rate = read_wav(out)
    assert len(waveform) / sample_rate > 0.4


def test_no_answer_waits_for_more_to_send_with_it(tmp_path: Path) -> None:
    async def sends_at_once() -> bool:
        accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
        listener = serve.listen(Settings(data_dir=tmp_path, port=0))
        async with await asyncio.start_server(lambda _, writer: accepted.set_result(writer), sock=listener):
            _, ours = await asyncio.open_connection(*listener.getsockname())
            theirs = await accepted
            option = theirs.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for writer in (ours, theirs):
                writer.close()
        return bool(option)

    assert asyncio.run(sends_at_once())
