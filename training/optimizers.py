"""Chainer's optimisers, which on a GPU update all parameters by one launch of a kernel."""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from training.many_arrays import ManyArrays, is_plain

import chainer
from chainer.backends import cuda
from chainer.optimizer import GradientMethod


class _FusedUpdate(GradientMethod):
    """Update all parameters by one launch, with the formula of Chainer's update rule and the same state.

    Chainer's own update, one parameter after the other, is used on the CPU and for cases that this one does not
    support: hooks, loss scaling, variants of the rule, arrays that are not float32, and parameters without a gradient.
    """

    #: Options of Chainer's rule that change its formula.
    _variants: tuple[str, ...]
    #: Keys of the rule's state, as the kernel takes them after the parameter and its gradient.
    _state: tuple[str, ...]
    _kernel: ManyArrays
    _parameters: Sequence[Any] = ()
    _gradients: Sequence[Any] = ()
    _lists: list[list[Any]] | None = None

    @staticmethod
    @abstractmethod
    def _numbers(rule: Any) -> tuple[float, ...]:
        """Return the values of the kernel's numbers for an update rule."""

    def update(self, lossfun: Any = None, *args: Any, **kwds: Any) -> None:
        if not isinstance(self.target.device, cuda.GpuDevice):
            super().update(lossfun, *args, **kwds)
            return
        if lossfun is not None:
            loss = lossfun(*args, **kwds)
            self.target.cleargrads()
            loss.backward(loss_scale=self._loss_scale)
            del loss
        with chainer.using_device(self.target.device):
            gradients = [p.grad for p in self._parameters]
            # A graph (training.graph) keeps the gradients where they are: then nothing has changed.
            if not gradients or any(map(operator.is_not, gradients, self._gradients)):
                self._parameters = [
                    p for p in self.target.params() if p.update_rule is not None and p.update_rule.enabled]
                # A gradient in another order is copied. The copy is another object: the next step copies again.
                self._gradients = [None if p.grad is None else cuda.cupy.ascontiguousarray(p.grad)
                                   for p in self._parameters]
                self._lists = self._make_lists(self._parameters, self._gradients)
            if self._lists is None:
                super().update()
            else:
                self.t += 1
                self._update_all([p.update_rule for p in self._parameters], self._lists)

    def _make_lists(self, parameters: list[Any], gradients: list[Any]) -> list[list[Any]] | None:
        """Return parameters, gradients and states as lists of arrays, or ``None`` for what Chainer has to update."""
        has_hooks = any(hookable._pre_update_hooks or hookable._post_update_hooks
                        for hookable in [self._hookable, *(p.update_rule._hookable for p in parameters)])
        if has_hooks or self._loss_scale is not None or any(getattr(self, name) for name in self._variants):
            return None
        if any(p.array is None or gradient is None for p, gradient in zip(parameters, gradients, strict=True)):
            return None
        for p in parameters:
            state = p.update_rule.state
            # A new training has no state, a snapshot brings one on the CPU.
            if state is None or not all(isinstance(state[key], cuda.ndarray) for key in self._state):
                p.update_rule._init_states(p)
        lists = [[p.array for p in parameters], gradients,
                 *([p.update_rule.state[key] for p in parameters] for key in self._state)]
        return lists if all(is_plain(array) for arrays in lists for array in arrays) else None

    def _update_all(self, rules: list[Any], lists: list[list[Any]]) -> None:
        """Count the step, and launch the kernel with the numbers of each rule."""
        places: dict[tuple, int] = {}
        numbers, rows = [], []
        for rule in rules:
            rule.t += 1
            # Most rules share all; some have a learning rate of their own.
            key = (rule.t, *rule.hyperparam.__dict__.items())
            if key not in places:
                places[key] = len(places)
                numbers.append(self._numbers(rule))
            rows.append(places[key])
        self._kernel(lists, numbers, rows)


class RMSprop(_FusedUpdate, chainer.optimizers.RMSprop):
    """Chainer's RMSprop."""

    _variants, _state = ('eps_inside_sqrt',), ('ms',)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._kernel = ManyArrays(
            'hourglass_rmsprop', ['param', 'grad', 'ms'], ['lr', 'alpha', 'eps'],
            '''ms = alpha * ms + (1 - alpha) * grad * grad;
               param -= lr * grad / (sqrt(ms) + eps);''')

    @staticmethod
    def _numbers(rule: Any) -> tuple[float, ...]:
        hp = rule.hyperparam
        return hp.lr, hp.alpha, hp.eps


class Adam(_FusedUpdate, chainer.optimizers.Adam):
    """Chainer's Adam, with its decoupled weight decay."""

    _variants, _state = ('amsgrad', 'adabound'), ('m', 'v')

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._kernel = ManyArrays(
            'hourglass_adam', ['param', 'grad', 'm', 'v'],
            ['alpha_t', 'one_minus_beta1', 'one_minus_beta2', 'eps', 'eta', 'weight_decay_rate'],
            '''float m_ = m, v_ = v;
               m_ += one_minus_beta1 * (grad - m_);
               v_ += one_minus_beta2 * (grad * grad - v_);
               m = m_;
               v = v_;
               param -= eta * (alpha_t * m_ / (sqrt(v_) + eps) + weight_decay_rate * param);''')

    @staticmethod
    def _numbers(rule: Any) -> tuple[float, ...]:
        hp = rule.hyperparam
        return rule.alpha_t, 1 - hp.beta1, 1 - hp.beta2, hp.eps, hp.eta, hp.weight_decay_rate
