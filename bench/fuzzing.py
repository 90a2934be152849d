"""Odd requests to all of the API, made from its own OpenAPI document: none may fail on the server's side.

    python -m bench.fuzzing [--cases 5000]

Prints Schemathesis' report; the same seed makes the same requests. Ends with 1 when an answer was a server error (but
501, not offered), or was not as the document says. Previews speak for real: name PLAYGROUND_WEIGHTS_DIR to convert no
weights for it.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench.serving import ROOT, serving

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)
EXPECTED = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 501]\n'
ENDLESS = "/events$"
"""A stream that goes on as long as a training does."""
RECORDING = ROOT / "tests" / "data" / "speech" / "tt-weasels.flac"


def main() -> int:
    """Gives the exit status of Schemathesis."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000, help="requests to make, about")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ |= {"PLAYGROUND_REQUESTS_PER_MINUTE": "0", "PLAYGROUND_LOG_LEVEL": "ERROR"}
    with TemporaryDirectory() as folder, serving(Path(folder) / "data", None) as (url, _):
        _fill(url)
        settings = Path(folder) / "schemathesis.toml"
        settings.write_text(EXPECTED, encoding="utf-8")
        document = httpx.get(f"{url}/openapi.json", timeout=60).json()
        operations = sum(len(path) for path in document["paths"].values())
        command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(settings)]
        command += ["run", f"{url}/openapi.json", "--checks", CHECKS, "--exclude-path-regex", ENDLESS]
        command += ["--seed", str(options.seed), "--generation-deterministic", "--request-timeout", "120"]
        command += ["--max-examples", str(-(-options.cases // operations))]
        return subprocess.run(command, check=False).returncode


def _fill(url: str) -> None:
    """Something in each list, so that ids of it are asked for."""
    with httpx.Client(base_url=url, timeout=60) as api:
        dataset = api.post("/datasets", json={"name": "Recordings"}).json()["id"]
        api.post(f"/datasets/{dataset}/files", files={"file": RECORDING.read_bytes()}).raise_for_status()
        order = {"name": "Ada", "language": "en", "model_id": "tiny-2026-11-01", "dataset": dataset}
        api.post("/fine-tunes", json=order).raise_for_status()
        api.post("/pronunciation-dicts", json={"name": "Names"}).raise_for_status()


if __name__ == "__main__":
    sys.exit(main())
