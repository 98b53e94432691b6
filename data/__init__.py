"""Data sets of people with annotated joints, samples for training, and augmentation.

::

    from data.lsp import LSPDataset
    image, person = LSPDataset('data/LSP', 'test')[0]
"""

import hourglass.compat  # noqa: F401  (makes Chainer importable)
