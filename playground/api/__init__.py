"""The HTTP API, one resource a file. Knows the services and FastAPI; holds no model and no logic of its own."""
