"""Networks saved by Torch7 (``.t7``), read without Torch and without running anything in them.

:func:`read_t7` reads any object, :func:`load_graph` the graph of a network, and :func:`convert_t7` finds one of
this project's networks in that graph.
"""

from pretrained.torch7.graph import load_graph
from pretrained.torch7.networks import Converted, convert_t7
from pretrained.torch7.reader import read_t7

__all__ = ['Converted', 'convert_t7', 'load_graph', 'read_t7']
