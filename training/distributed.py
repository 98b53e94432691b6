"""Processes that train one network together, on one machine or several: ChainerMN over MPI.

Every process (MPI calls its number the *rank*) holds the whole network and computes the gradients of its part of
each batch; all networks are updated with the mean of the gradients.  Only the first process, rank 0, downloads, writes
files and prints messages.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from hourglass.errors import InputError, program_name
from training.average import places_of, value_at

import chainer
import cv2
import numpy as np
from threadpoolctl import ThreadpoolController

T = TypeVar('T')

#: Environment variables in which mpiexec and srun give the number of processes.
_COUNTS = ('OMPI_COMM_WORLD_SIZE', 'PMI_SIZE', 'SLURM_STEP_NUM_TASKS')
#: Environment variables with which a user sets the number of threads.
_THREADS = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
#: Seconds that other processes wait while the first one reports an error and ends all.
_PATIENCE = 60.0
#: Seconds for mpiexec to read the last lines of a process.
_READING = 1.0


class Communicator:
    """The processes of a training; a single one needs no MPI.

    All processes must call the same methods in the same order.

    Args:
        communicator: of ChainerMN; ``None`` for a single process.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
        local_rank: number of this process among those on this machine.
        local_size: number of processes on this machine.
    """

    def __init__(self, communicator: Any = None) -> None:
        self.communicator = communicator
        self._mpi = None if communicator is None or communicator.size == 1 else communicator.mpi_comm
        numbers: Sequence[int] = (0, 1, 0, 1) if communicator is None else (
            communicator.rank, communicator.size, communicator.intra_rank, communicator.intra_size)
        self.rank, self.size, self.local_rank, self.local_size = numbers

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def print_rank0(self, text: str) -> None:
        """Print a line on stderr, once for all processes."""
        if self.is_first:
            print(text, file=sys.stderr)

    def part(self, items: Sequence[T]) -> list[T]:
        """Return this process's part of items that all processes have."""
        return list(items[self.rank::self.size])

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self._mpi is not None:
            self._mpi.barrier()

    def sum(self, value: T) -> T:
        """Return the sum over the processes of a number or NumPy array."""
        return value if self._mpi is None else self._mpi.allreduce(value)

    def max(self, value: int) -> int:
        """Return the largest of the processes' numbers."""
        return value if self._mpi is None else max(self._mpi.allgather(value))

    def mean(self, value: Any) -> Any:
        """Return the mean over the processes of a number that is a NumPy or CuPy array, of the same kind."""
        if self._mpi is None:
            return value
        return chainer.backend.get_array_module(value).asarray(self.sum(float(value)) / self.size, value.dtype)

    def broadcast(self, value: T) -> T:
        """Return the first process's value."""
        if self._mpi is None:
            return value
        # In a tuple, because ChainerMN takes no None from the first process, and nothing else from the others.
        return self.communicator.bcast_obj((value,) if self.is_first else None)[0]

    def share(self, network: chainer.Link) -> None:
        """Give all processes the first one's parameters and running statistics."""
        if self._mpi is None:
            return
        for link, name in places_of(network):
            array = value_at(link, name)
            if not hasattr(array, 'dtype'):
                link.__dict__[name] = self._mpi.bcast(array)
                continue
            values = np.array(chainer.get_device('@numpy').send(array))
            self._mpi.Bcast(values)
            array[...] = link.device.send(values)

    @contextmanager
    def raise_on_all(self) -> Iterator[None]:
        """Raise an error of one process in all; the block must not communicate.

        Raises:
            InputError: the block failed in some process; the first process reports it.
        """
        failure = None
        try:
            yield
        except InputError as error:
            if self._mpi is None:
                raise
            failure = str(error)
        if self._mpi is None:
            return
        failures = [(rank, text) for rank, text in enumerate(self._mpi.allgather(failure)) if text is not None]
        if not failures:
            return
        if not self.is_first:
            time.sleep(_PATIENCE)
        rank, text = failures[0]
        raise InputError(text if rank == 0 else f'rank {rank}: {text}')

    def multi_node(self, optimizer: Any) -> Any:
        """Return an optimiser that averages the gradients of all processes before each step.

        Args:
            optimizer: set up; its network gets the first process's parameters.
        """
        if self._mpi is None:
            return optimizer
        import chainermn

        self.share(optimizer.target)
        optimizer = chainermn.create_multi_node_optimizer(optimizer, self.communicator)
        # Its first step would only share the parameters, which has been done.
        optimizer.is_changed(optimizer.target)
        return optimizer


def normalise_together(chain: chainer.Chain, comm: Communicator) -> None:
    """Make batch normalisation use the statistics of the whole batch, and not of each process's part."""
    if comm.size == 1:
        return
    from chainermn.links import create_mnbn_model

    # ChainerMN warns for each link that it is experimental.
    warnings.filterwarnings('ignore', 'chainermn.* is experimental', FutureWarning)
    for link in [link for link in chain.links() if isinstance(link, chainer.Chain)]:
        for child in list(link.children()):
            if isinstance(child, chainer.links.BatchNormalization):
                name = child.name
                delattr(link, name)
                with link.init_scope():
                    setattr(link, name, create_mnbn_model(child, comm.communicator))


def _started() -> int:
    """Return the number of processes that were started together, according to the environment."""
    counts = [os.environ.get(name, '') for name in _COUNTS]
    return max([int(count) for count in counts if count.isdecimal()], default=1)


def _communicator(on_gpu: bool) -> Any:
    """Start MPI and return ChainerMN's communicator; ``InputError`` if something is missing."""
    try:
        import mpi4py.MPI
    except ImportError:
        raise InputError('--distributed needs mpi4py, which is not installed '
                         '(pip install ".[distributed]")') from None
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f'--distributed needs MPI, which mpi4py does not find ({reason}); '
                         'pip install ".[distributed]" installs one') from None
    if mpi4py.MPI.COMM_WORLD.size == 1 and _started() > 1:
        raise InputError(f'--distributed: {_started()} processes were started, but mpi4py sees only this one; its MPI '
                         f'({mpi4py.MPI.Get_library_version().split(",")[0].splitlines()[0]}) and mpiexec must be the '
                         'same')
    import chainermn

    try:
        communicator = chainermn.create_communicator('pure_nccl' if on_gpu else 'naive')
    except (RuntimeError, ImportError) as error:
        raise InputError(f'--distributed with --gpu needs NCCL ({error}); pip install nvidia-nccl-cu12 or -cu13, like '
                         'CuPy') from None
    if on_gpu:
        # ChainerMN's kernels that gather all gradients at once do not compile with CuPy 14, whose header
        # cupy/carray.cuh no longer has the type half. An argument of create_communicator is ignored.
        with communicator.config_scope():
            communicator.batched_copy = False
    return communicator


def _share_cores(comm: Communicator, mpi: Any) -> None:
    """Divide a machine's cores among its processes, unless the user has set the number of threads."""
    if any(os.environ.get(name) for name in _THREADS):
        return
    cores = os.sched_getaffinity(0) if hasattr(os, 'sched_getaffinity') else set(range(os.cpu_count() or 1))
    # Some kinds of mpiexec give each process cores of its own; then there is nothing to divide.
    rivals = sum(bool(cores & others) for host, others in mpi.allgather((os.uname().nodename, cores))
                 if host == os.uname().nodename)
    threads = max(len(cores) // rivals, 1)
    ThreadpoolController().limit(limits=threads, user_api='blas')
    cv2.setNumThreads(threads)


def _end_all(comm: Communicator, error: BaseException) -> None:
    """Report why this process fails, and end all: the others would wait for it forever."""
    status, program = 1, program_name()
    if isinstance(error, InputError):
        status = 2
        where = '' if comm.is_first else f'rank {comm.rank}: '
        print(f'{program}: {where}{" ".join(str(error).split())}', file=sys.stderr)
    elif isinstance(error, KeyboardInterrupt):
        status = 130
        comm.print_rank0(f'{program}: interrupted')
    else:
        traceback.print_exception(error)
        print(f'{program}: rank {comm.rank} has failed', file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    # mpiexec drops what it has not read when the processes end.
    time.sleep(_READING)
    comm.communicator.mpi_comm.Abort(status)


@contextmanager
def joined(distributed: bool, on_gpu: bool) -> Iterator[Communicator]:
    """Connect the processes that mpiexec has started, during the block.

    A process that fails in the block ends all of them, with its reason on stderr; if a process is killed, mpiexec ends
    the others.

    Args:
        distributed: whether there are several.
        on_gpu: exchange gradients between GPUs by NCCL instead of MPI.

    Raises:
        InputError: MPI, mpi4py or NCCL is missing, or processes were started that are not connected.
    """
    if not distributed:
        if _started() > 1:
            raise InputError(f'{_started()} processes were started, and each would train alone in the same folder; '
                             '--distributed lets them train together')
        yield Communicator()
        return
    comm = Communicator(_communicator(on_gpu))
    if comm.size == 1:
        yield comm
        return
    try:
        _share_cores(comm, comm.communicator.mpi_comm)
        yield comm
    except SystemExit:
        raise
    except BaseException as error:
        _end_all(comm, error)
