"""Networks saved by Torch7 (``.t7``), read without Torch and without running anything in them.

:func:`read_t7` reads any object, :func:`load_graph` the graph of a network, and :func:`load_torch7` the weights of one
of this project's networks.
"""

from pretrained.torch7.graph import load_graph
from pretrained.torch7.network import load_torch7
from pretrained.torch7.reader import read_t7

__all__ = ['load_graph', 'load_torch7', 'read_t7']
