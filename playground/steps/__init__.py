"""The steps of the walk, one a file: each draws, wires, and returns what leads on. Services decide."""
