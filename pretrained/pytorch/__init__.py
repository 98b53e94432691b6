"""Weights of PyTorch (``.pth``, ``.pt``, ``.safetensors``), read without PyTorch; nothing in a file is run."""
