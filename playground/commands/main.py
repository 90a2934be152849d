"""Reads the command line and hands over to a command."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from model.errors import ModelError
from playground.processes import set_up_logging, share_processors
from playground.services.clone_form import DEFAULT_NAME
from playground.services.errors import ServiceError
from playground.settings import Settings
from storage.errors import StorageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given if given and not given[0].startswith("--") else ["serve", *given])
    try:
        settings = _settings(options)
        set_up_logging(settings.log_level)
        share_processors()
        return _run(options, settings)
    except (ServiceError, ModelError, StorageError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    except ValidationError as error:
        for fault in error.errors():
            print(f"PLAYGROUND_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace, settings: Settings) -> int:
    if options.command == "serve":
        from playground.commands.serve import serve

        return serve(settings, with_worker=not options.no_worker)
    if options.command == "clone":
        from playground.commands.clone import CloneOptions, clone

        return clone(
            settings,
            CloneOptions(
                name=options.name,
                description=options.description,
                language=options.language,
                gender=options.gender,
                model_id=options.model,
                minutes=options.minutes,
                consented=options.i_have_consent,
                files=tuple(options.files),
            ),
        )
    if options.command == "speak":
        from playground.commands.speak import speak

        return speak(settings, voice_id=options.voice, model_id=options.model, text=options.text, out=options.out)
    if options.command == "keys":
        from playground.commands.keys import keys

        return keys(settings, options)
    from playground.commands.doctor import doctor

    return doctor(settings)


def _settings(options: argparse.Namespace) -> Settings:
    """The environment's settings, with what the command line says on top."""
    names = ("host", "port", "data_dir", "ssl_certfile", "ssl_keyfile")
    given = {name: getattr(options, name, None) for name in names}
    return Settings(**{name: value for name, value in given.items() if value is not None})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="app.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-dir", type=Path, help="folder of the database, the recordings and the voices")

    serve = commands.add_parser("serve", parents=[common], help="serve the page and the API")
    serve.add_argument("--host", help="address to serve on (default 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to serve on (default 7860; 0 takes a free one)")
    serve.add_argument("--ssl-certfile", type=Path, help="certificate, for HTTPS")
    serve.add_argument("--ssl-keyfile", type=Path, help="private key of the certificate")
    serve.add_argument("--no-worker", action="store_true", help="start no training worker beside the page")

    clone = commands.add_parser("clone", parents=[common], help="train a clone on recordings")
    clone.add_argument("--name", default=DEFAULT_NAME)
    clone.add_argument("--description", default="")
    clone.add_argument("--language", default="en")
    clone.add_argument("--gender", default="", choices=["", "feminine", "masculine", "gender_neutral"])
    clone.add_argument("--model", default="", help="base model (default: the newest production one)")
    clone.add_argument("--minutes", type=int, default=60, help="time to spend (default 60)")
    clone.add_argument("--i-have-consent", action="store_true", help="say yes to the disclaimer without being asked")
    clone.add_argument("files", nargs="+", type=Path, help="recordings, transcripts, or folders of them")

    speak = commands.add_parser("speak", parents=[common], help="speak a text into a file")
    speak.add_argument("--voice", required=True, help="voice id")
    speak.add_argument("--model", default="", help="model id (default: the voice's own)")
    speak.add_argument("text")
    speak.add_argument("-o", "--out", type=Path, required=True, help="file to write; its ending says the format")

    keys = commands.add_parser("keys", help="make, list and revoke API keys").add_subparsers(dest="act", required=True)
    create = keys.add_parser("create", parents=[common], help="make a key; it is shown once")
    create.add_argument("--name", required=True, help="what will use it")
    create.add_argument("--scope", default="everything", choices=["everything", "speech"])
    keys.add_parser("list", parents=[common], help="list the keys")
    revoke = keys.add_parser("revoke", parents=[common], help="refuse a key from now on")
    revoke.add_argument("key_id", help="as `keys list` shows it")

    doctor = commands.add_parser("doctor", parents=[common], help="check this machine, and name what mends it")
    doctor.add_argument("--port", type=int, help="port to check (default 7860)")
    return parser
