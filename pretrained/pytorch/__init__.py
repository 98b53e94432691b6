"""Weights of PyTorch (``.pth``, ``.pt``, ``.safetensors``), read without PyTorch; nothing in a file is run."""

from pretrained.pytorch.archive import read_tensors
from pretrained.pytorch.network import load_pytorch

__all__ = ['load_pytorch', 'read_tensors']
