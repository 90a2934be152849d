"""Names the benches: each is a command of its own."""

print(__doc__)
print("  python -m bench.recordings --language en --to FOLDER     real recordings, from Debian's packages")
print("  python -m bench.clone --recordings FOLDER --minutes 15   quality, time and memory of clones; see --help")
print("  python -m bench.speech                                     beside kokoro-onnx; a text of five minutes")
print("  python -m bench.samples --speaker it FOLDER --speaker fr FOLDER   verdicts, speed, memory; see --help")
print("  python -m bench.clients --url URL                        voice agents; in an environment of its own")
print("  node bench/javascript/cartesia.mjs --url URL             the JavaScript SDK; its head says how to install it")
print("  python -m bench.walk --recordings FOLDER --shots FOLDER  the whole walk in a browser")
print("  python -m bench.fuzzing                                    5,000 odd requests to all of the API")
