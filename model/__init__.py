"""PyTorch and audio: tensors and files in, tensors and files out. Knows no database and no interface."""
