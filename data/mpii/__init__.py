"""MPII Human Pose: annotations, the usual division into training and validation, and the Torch7 code's HDF5."""

from typing import TYPE_CHECKING

from data.mpii.splits import PROTOCOLS, SPLITS
from hourglass.lazy import lazy_names

if TYPE_CHECKING:
    from data.mpii.dataset import MPIIDataset
    from data.mpii.hdf5 import read_hdf5, to_hdf5

__all__ = ['PROTOCOLS', 'SPLITS', 'MPIIDataset', 'read_hdf5', 'to_hdf5']

# A data set is a class of Chainer's; reading annotations does not need it.
__getattr__ = lazy_names(__name__, {'MPIIDataset': 'dataset', 'read_hdf5': 'hdf5', 'to_hdf5': 'hdf5'})
