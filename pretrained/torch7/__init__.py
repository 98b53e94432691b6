"""Networks saved by Torch7 (``.t7``), read without Torch and without running anything in them.

:func:`read_t7` reads any object, and :func:`load_graph` the graph of a network.
"""

from pretrained.torch7.graph import load_graph
from pretrained.torch7.reader import read_t7

__all__ = ['load_graph', 'read_t7']
