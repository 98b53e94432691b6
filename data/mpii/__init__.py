"""MPII Human Pose: annotations, the usual division into training and validation, and the Torch7 code's HDF5."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from data.mpii.splits import PROTOCOLS, SPLITS

if TYPE_CHECKING:
    from data.mpii.dataset import MPIIDataset
    from data.mpii.hdf5 import read_hdf5, to_hdf5

__all__ = ['PROTOCOLS', 'SPLITS', 'MPIIDataset', 'read_hdf5', 'to_hdf5']

_HOMES = {'MPIIDataset': 'dataset', 'read_hdf5': 'hdf5', 'to_hdf5': 'hdf5'}


def __getattr__(name: str) -> Any:
    # A data set is a class of Chainer's; reading annotations does not need it.
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
