"""Voice Playground: clone a voice on your own machine. `python app.py serve` starts the page and the API."""

import sys

from playground.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
