"""What becomes of recordings: formats, spoilt copies, damaged files, many files, long files.

`--speaker LANGUAGE FOLDER`, twice, names folders of recordings as bench.recordings makes them (each speaker also speaks
into the other's files), `--music` a piece of music in any format. Each part that is named (all without a name) is
appended to `--results` as a line of JSON, with the commit, and printed. `formats` needs the program ffmpeg.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from bench.machine import cores, current_commit
from bench.material import prompts_of
from bench.sample_loads import Loads
from bench.sample_verdicts import Verdicts
from bench.spoiling import Waveform

PARTS = ("formats", "spoilt", "mutated", "many", "long", "memory")
MEMORY_HOURS = 3.0


def main() -> None:
    """Run the parts one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--speaker", nargs=2, action="append", required=True, metavar=("LANGUAGE", "FOLDER"))
    parser.add_argument("--music", type=Path, help="for `spoilt`")
    parser.add_argument("--ffmpeg", default="ffmpeg", help="the program, for `formats`")
    parser.add_argument("--mutations", type=int, default=1000)
    parser.add_argument("--files", type=int, default=500, help="for `many`")
    parser.add_argument("--hours", type=float, default=2.0, help="for `long`")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--results", type=Path, default=Path("bench-samples.jsonl"))
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    speakers = {language: prompts_of(Path(folder)) for language, folder in options.speaker}
    for part in options.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            result = _result(part, options, speakers, Path(folder))
            record = {"part": part, "commit": current_commit(), "cores": cores(), "result": result}
            with options.results.open("a") as file:
                file.write(json.dumps(record) + "\n")
            print(json.dumps(record, indent=2), flush=True)


def _result(
    part: str, options: argparse.Namespace, speakers: dict[str, list[Waveform]], folder: Path
) -> dict[str, Any]:
    verdicts = Verdicts(speakers=speakers, folder=folder, weights_dir=options.weights_dir)
    loads = Loads(prompts=next(iter(speakers.values())), folder=folder, weights_dir=options.weights_dir)
    match part:
        case "formats":
            return verdicts.formats(options.ffmpeg)
        case "spoilt":
            return verdicts.spoilt(options.music)
        case "mutated":
            return verdicts.mutated(options.mutations)
        case "many":
            return loads.many(options.files)
        case "long":
            return loads.long(options.hours)
    return loads.memory(MEMORY_HOURS)


if __name__ == "__main__":
    main()
