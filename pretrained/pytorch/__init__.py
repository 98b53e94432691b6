"""Weights of PyTorch (``.pth``, ``.pt``, ``.safetensors``), read without PyTorch and without running anything in them.

:class:`TorchFile` reads any file of tensors, and :func:`load_pytorch` those of the authors' network.
"""

from pretrained.pytorch.archive import TorchFile
from pretrained.pytorch.network import load_pytorch

__all__ = ['TorchFile', 'load_pytorch']
