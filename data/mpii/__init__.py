"""MPII Human Pose: annotations, the usual division into training and validation, and the authors' HDF5."""

from data.mpii.check import check
from data.mpii.dataset import MPIIDataset
from data.mpii.hdf5 import read_hdf5, to_hdf5
from data.mpii.splits import PROTOCOLS, SPLITS

__all__ = ['PROTOCOLS', 'SPLITS', 'MPIIDataset', 'check', 'read_hdf5', 'to_hdf5']
