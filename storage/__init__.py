"""SQLite and files under one data folder: rows and paths. Knows no tensors and no interface."""
