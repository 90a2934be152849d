"""The command line, on the same use cases as the page."""
