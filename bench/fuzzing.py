"""Odd requests to all of the API, made from its own OpenAPI document: none may fail on the server's side.

    python -m bench.fuzzing [--cases 5000]

Prints Schemathesis' report, with the seed that makes the same requests again. Ends with 1 when an answer was a server
error (but 501 and 503, which the document has) or was not as the document says.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench.serving import serving

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)
ENDLESS = "/events$"
"""A stream that goes on as long as a training does."""


def main() -> int:
    """Gives the exit status of Schemathesis."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000, help="requests to make, about")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ["PLAYGROUND_REQUESTS_PER_MINUTE"] = "0"
    with TemporaryDirectory() as folder, serving(Path(folder), None) as (url, _):
        document = httpx.get(f"{url}/openapi.json").json()
        operations = sum(len(path) for path in document["paths"].values())
        command = [str(Path(sys.executable).parent / "schemathesis"), "run", f"{url}/openapi.json"]
        command += ["--checks", CHECKS, "--exclude-path-regex", ENDLESS, "--seed", str(options.seed)]
        command += ["--max-examples", str(-(-options.cases // operations)), "--generation-deterministic"]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
