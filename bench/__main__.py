"""Names the benches: each is a command of its own, since each needs other recordings."""

print(__doc__)
print("  python -m bench.clone --recordings FOLDER --others FOLDER --minutes 10   quality, time and memory of a clone")
print("  python -m bench.walk --recordings FOLDER --minutes 10 --shots FOLDER     the whole walk in a browser")
