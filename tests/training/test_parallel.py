"""How a batch is shared among several devices, shown with two devices that are both the CPU."""

from hourglass.errors import InputError
from hourglass.spec import ModelSpec
from training.config import TrainConfig
from training.distributed import Communicator
from training.loss import TrainChain
from training.preparation import batch_size
from training.trainer import copy_to_all

import chainer
import numpy as np
import pytest
from chainer.iterators import SerialIterator
from chainer.training.updaters import ParallelUpdater

SPEC = ModelSpec(n_stack=1, width=8, layer_num=1, input_size=(32, 32))


def test_a_resumed_training_begins_with_the_same_parameters_everywhere() -> None:
    chain = TrainChain(SPEC.build_network(), SPEC)
    optimizer = chainer.optimizers.SGD().setup(chain)
    updater = ParallelUpdater(SerialIterator([], 4), optimizer, devices={'main': '@numpy', 'gpu 1': '@numpy'})
    for param in chain.params():
        param.array[...] = 7  # as a snapshot does
    copy_to_all(updater)
    for name, param in updater._models['gpu 1'].namedparams():
        np.testing.assert_array_equal(param.array, 7, err_msg=name)


def test_each_gpu_needs_a_person() -> None:
    assert batch_size(TrainConfig(dataset='lsp', batchsize=2), 2, 10, Communicator()) == 2
    for wanted, people in ((1, 10), (4, 1)):
        with pytest.raises(InputError, match='batches of 1 are too small for 2 GPUs'):
            batch_size(TrainConfig(dataset='lsp', batchsize=wanted), 2, people, Communicator())
