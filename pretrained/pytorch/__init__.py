"""Weights of PyTorch (``.pth``, ``.pt``, ``.safetensors``), read without PyTorch; nothing in a file is run."""

from pretrained.pytorch.archive import read_tensors

__all__ = ['read_tensors']
