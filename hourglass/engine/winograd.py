"""3x3 convolutions in a graph, with half of the multiplications.

In a column, four neighbouring results of three taps take 12 products.  Winograd's F(4, 3) takes six, of combinations of
the inputs with combinations of the taps (Lavin, Gray: *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016,
section 4.3).  Along the rows the taps are unchanged.  Everything is written as convolutions and additions, which
engines fuse into few passes over memory: a combination of rows is a depthwise convolution with a stride of four rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from hourglass.engine.graph import GraphWriter
from hourglass.winograd_tables import INPUTS, TAPS

import numpy as np

#: The number of rows has to be a multiple of this.
TILE = 4


def convolution_3x3(graph: GraphWriter, x: str, w: np.ndarray, b: np.ndarray, name: str, divisor: int) -> str:
    """Write a 3x3 convolution, padded by one pixel, and the ReLU after it.

    Args:
        graph: that is being written.
        x: (N, C, H, W), H being a multiple of :data:`TILE`.
        w: (O, C, 3, 3).
        b: (O,).
        name: of the result, (N, O, H, W), and what the names of its parts begin with.
        divisor: the width of the graph's input by W.

    Returns:
        ``name``.
    """
    n_out, n_in = w.shape[:2]
    taps = np.tensordot(TAPS, w.astype(np.float64), (1, 2))[:, :, :, None]

    def product(k: int) -> str:
        rows = _combined_rows(graph, x, k, n_in, f'{name}/input_{k}')
        # All four results have the second product once.
        bias = [graph.constant(b, f'{name}/b')] if k == 1 else []
        return graph.node('Conv', [rows, graph.constant(taps[k], f'{name}/W_{k}'), *bias], f'{name}/product_{k}',
                          kernel_shape=[1, 3], strides=[1, 1], pads=[0, 1, 0, 1])

    def sum_of(a: str, factor: int, b: str, part: str) -> str:
        """Return a + factor * b."""
        if factor != 1:
            factors = graph.constant(np.full((n_out, 1, 1, 1), factor), f'times_{factor}/{n_out}')
            b = graph.node('Conv', [b, factors], f'{name}/{part}/scaled', kernel_shape=[1, 1], group=n_out)
        return graph.add(b, a, f'{name}/{part}')

    p0, p1, p2, p3, p4, p5 = (product(k) for k in range(6))
    sum_12, difference_12 = sum_of(p1, 1, p2, 'sum_12'), sum_of(p1, -1, p2, 'difference_12')
    sum_34, difference_34 = sum_of(p3, 1, p4, 'sum_34'), sum_of(p3, -1, p4, 'difference_34')
    # What is one convolution's result alone is added first: it can be added to while it is computed.
    results = [
        sum_of(sum_34, 1, sum_of(sum_12, 1, p0, 'sum_012'), 'row_0'),
        sum_of(difference_12, 2, difference_34, 'row_1'),
        sum_of(sum_12, 4, sum_34, 'row_2'),
        sum_of(sum_of(difference_12, 1, p5, 'sum_125'), 8, difference_34, 'row_3'),
    ]
    # Joined, one row of each in turn.
    lines = graph.node('Concat', [graph.relu(row, f'{row}/relu') for row in results], f'{name}/lines', axis=3)
    return graph.node('Reshape', [lines, _shape(graph, divisor)], name)


def _combined_rows(graph: GraphWriter, x: str, k: int, n_channels: int, name: str) -> str:
    """Write a combination of the six rows that the results of each tile look at, (N, C, H / TILE, W).

    They are the four rows of the tile, the one above and the one below.
    """
    used, = np.nonzero(INPUTS[k])
    first, last = used[0], used[-1]
    step = 1 if first > 0 and last < 5 else 2  # those that begin above or end below a tile leave out every other row
    factors = np.tile(INPUTS[k, first:last + 1:step, None], (n_channels, 1, 1, 1))
    return graph.node('Conv', [x, graph.constant(factors, f'input_{k}/{n_channels}')], name,
                      kernel_shape=factors.shape[2:], strides=[TILE, 1], dilations=[step, 1], group=n_channels,
                      pads=[int(first == 0), 0, int(last == 5), 0])


def _shape(graph: GraphWriter, divisor: int) -> str:
    """Write (as in, as in, whatever it takes, width of the graph's input / divisor), once for a graph."""
    def sizes(values: Sequence[int], name: str) -> str:
        return graph.constant(np.array(values), name, np.int64)

    name = f'rows_of_width/{divisor}'
    if not graph.has(name):
        width = graph.node('Slice', [graph.node('Shape', ['image'], f'{name}/shape'), sizes([3], 'from'),
                                     sizes([4], 'to')], f'{name}/image')
        width = graph.node('Div', [width, sizes([divisor], f'{name}/divisor')], f'{name}/width')
        graph.node('Concat', [sizes([0, 0, -1], 'rows'), width], name, axis=0)
    return name
