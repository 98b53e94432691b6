"""Factors of Winograd's F(4, 3): four neighbouring results of three taps by six products.

Lavin, Gray: *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016, section 4.3.
"""

import numpy as np

#: Factors of six neighbouring pixels in what is multiplied.
INPUTS = np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0],
                   [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]])
#: Factors of three taps in what they are multiplied with.
TAPS = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
