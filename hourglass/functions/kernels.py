"""Fused kernels for CuPy, because on a GPU a call costs more than a pass over a small array."""

from __future__ import annotations

from typing import Any

from hourglass.functions.im2row import Window
from hourglass.functions.layout import Array, Block
from hourglass.functions.products import matmul

import numpy as np
from chainer.backends import cuda

#: Threads that add up rows: half as many as fit on a large GPU, as each reads several elements at once.
_THREADS = 2 ** 17
#: Elements of a row that a thread reads before it waits for the first of them.
_AT_ONCE = 8


def _given(values: dict[str, Any]) -> dict[str, Array]:
    """Return the arrays among values; constants become part of the C++."""
    return {key: value for key, value in values.items() if not isinstance(value, int)}


def _of_row(numbers: dict[str, Any]) -> str:
    """Return C++ that gives each number of a row its name; ``numbers`` are (C,), those of each row, or constants."""
    given = _given(numbers)
    return ' '.join(f'T {key} = {f"all_{key}[row]" if key in given else value};' for key, value in numbers.items())


def _on_rows(result: str, name: str, out: Array, arrays: dict[str, Any], numbers: dict[str, Any]) -> None:
    """Set every element of ``out`` (C, ...), several by each thread, which finds its row only once.

    Args:
        result: C++, made of the names of the arrays and numbers.
        name: of the kernel.
        out: may be one of the arrays.
        arrays: of the shape of ``out``, or a constant.
        numbers: (C,), those of each row, or a constant.
    """
    n_columns = out.size // len(out)
    # The elements of a thread are far apart, so that neighbours read neighbours.
    threads = -(-n_columns // _AT_ONCE)
    given = _given(arrays | numbers)
    kept = [key for key in arrays if key in given]
    # First all reads, then all writes: the compiler moves no read before a write, as `out` may be one of the arrays.
    each = f'''
        #pragma unroll
        for (int part = 0; part < {_AT_ONCE}; ++part) {{
            long long column = first + (long long)part * threads, at = row * columns + column;
            if (column >= columns) continue;'''
    code = f'''
        unsigned int row = (unsigned int)i / threads, first = (unsigned int)i % threads;
        {_of_row(numbers)}
        {' '.join(f'T {key}_of[{_AT_ONCE}];' for key in kept)}
        {each}
            {' '.join(f'{key}_of[part] = all_{key}[at];' for key in kept)}
        }}
        {each}
            {' '.join(f'T {key} = {f"{key}_of[part]" if key in given else value};' for key, value in arrays.items())}
            all_out[at] = {result};
        }}'''
    params = ''.join(f'raw T all_{key}, ' for key in given)
    cuda.elementwise(f'{params}int64 columns, int32 threads', 'raw T all_out', code, name)(
        *given.values(), n_columns, threads, out, size=len(out) * threads)


def scale_shift_relu(y: Array, scale: Any, shift: Any, relu: bool, added: Any, out: Array) -> None:
    """Write ``relu(scale * y + shift) + added`` into ``out`` (C, ...); (C,) ``scale`` and ``shift``, or constants."""
    z = '(T)(scale * y + shift)'
    _on_rows(f'({z} < 0 ? (T)0 : {z}) + added' if relu else f'{z} + added', 'hourglass_scale_shift_relu', out,
             {'y': y, 'added': added}, {'scale': scale, 'shift': shift})


def add_scaled(gz: Array, y: Array, b: Array, c: Array) -> Array:
    """Return ``gz + b * y + c``; ``b`` and ``c`` are (C,)."""
    out = cuda.cupy.empty(gz.shape, gz.dtype)
    _on_rows('gz + b * y + c', 'hourglass_add_scaled', out, {'gz': gz, 'y': y}, {'b': b, 'c': c})
    return out


def move_statistics(mean: Array, variance: Array, decay: float, unbiased: float, running_mean: Array,
                    running_variance: Array) -> None:
    """Move the running statistics, in place."""
    cuda.elementwise('M mean, M variance, T decay, T unbiased', 'T running_mean, T running_variance',
                     '''running_mean = decay * running_mean + (1 - decay) * mean;
                        running_variance = decay * running_variance + (1 - decay) * unbiased * variance''',
                     'hourglass_move_statistics')(mean, variance, decay, unbiased, running_mean, running_variance)


def normalizing(mean: Array, variance: Array, gamma: Array, beta: Array, eps: float) -> tuple[Array, Array, Array]:
    """Return inverse standard deviation, scale and shift."""
    return cuda.elementwise('M mean, M variance, T gamma, T beta, T eps', 'T inv_std, T scale, T shift',
                            '''inv_std = 1 / sqrt(variance + eps);
                               scale = gamma * inv_std;
                               shift = beta - mean * scale''',
                            'hourglass_normalizing')(mean, variance, gamma, beta, eps)


def normalization_gradients(total: Array, products: Array, gamma: Array, mean: Array, inv_std: Array, count: int,
                            ) -> tuple[Array, ...]:
    """Return the gradients by gamma and beta, and scale, b and c of the one by the convolution's output."""
    return cuda.elementwise('float64 total, float64 products, T gamma, M mean, T inv_std, float64 count',
                            'T g_gamma, T g_beta, T scale, T b, T c',
                            '''double g = inv_std * (products - mean * total);
                               double factor = -inv_std * g / count;
                               g_gamma = g;
                               g_beta = total;
                               scale = gamma * inv_std;
                               b = factor;
                               c = -total / count - factor * mean''',
                            'hourglass_normalization_gradients')(total, products, gamma, mean, inv_std, count)


def moments(total: Array, squares: Array, count: int) -> tuple[Array, Array]:
    """Return mean and mean squared deviation, float64, from sums of numbers and of their squares."""
    return cuda.elementwise('float64 total, float64 squares, float64 count', 'float64 mean, float64 variance',
                            '''mean = total / count;
                               variance = max(squares / count - mean * mean, 0.);''',
                            'hourglass_moments')(total, squares, count)


def row_sums(a: Array, b: Array) -> tuple[Array, Array]:
    """Return the sums over the columns of ``a`` (C, P) and of ``a * b``, both (C,) float64."""
    return _row_sums('hourglass_row_sums', a, b, '', {}, [])


def relu_gradient(gy: Array, y: Array, scale: Any, shift: Any, out: Array) -> tuple[Array, Array]:
    """Write ``gy`` (C, P) where ``scale * y + shift`` is above zero, and zeros elsewhere; return :func:`row_sums`."""
    return _row_sums('hourglass_relu_gradient', gy, y, '''
        first = scale * second + shift > 0 ? first : (T)0;
        if (at < columns) out[row * columns + at] = first;''', {'scale': scale, 'shift': shift}, [out])


def _row_sums(name: str, a: Array, b: Array, change: str, numbers: dict[str, Any], outputs: list[Array],
              ) -> tuple[Array, Array]:
    """Return the sums over the columns of ``a`` (C, P) and of ``a * b``, after ``change`` to an element of ``a``.

    Args:
        name: of the kernel.
        a: (C, P), to C++ the element ``first``.
        b: (C, P), to C++ the element ``second``.
        change: C++.
        numbers: (C,), those of each row, or a constant, by their names in ``change``.
        outputs: the array ``out`` that ``change`` writes to, if it does.
    """
    rows, columns = a.shape
    # Neighbours read neighbours; then these sums are added up.
    threads = min(-(-columns // _AT_ONCE), _THREADS // rows + 1)
    parts = cuda.cupy.empty((2, rows, threads), np.float64)
    given = _given(numbers)
    cuda.elementwise('raw T a, raw T b, int64 columns, int32 threads' + ''.join(f', raw T all_{key}' for key in given),
                     'float64 total, float64 products' + ', raw T out' * len(outputs),
                     f'''long long row = (unsigned int)i / threads;
                        {_of_row(numbers)}
                        double sum = 0, sum_of_products = 0;
                        for (long long k = (unsigned int)i % threads; k < columns; k += {_AT_ONCE}LL * threads) {{
                            T first_of[{_AT_ONCE}], second_of[{_AT_ONCE}];
                            #pragma unroll
                            for (int part = 0; part < {_AT_ONCE}; ++part) {{
                                long long at = k + (long long)part * threads;
                                first_of[part] = at < columns ? a[row * columns + at] : (T)0;
                                second_of[part] = at < columns ? b[row * columns + at] : (T)0;
                            }}
                            #pragma unroll
                            for (int part = 0; part < {_AT_ONCE}; ++part) {{
                                long long at = k + (long long)part * threads;
                                T first = first_of[part], second = second_of[part];
                                {change}
                                sum += (double)first;
                                sum_of_products += (double)first * (double)second;
                            }}
                        }}
                        total = sum;
                        products = sum_of_products;''', name)(
        a, b, columns, threads, *given.values(), parts[0], parts[1], *outputs)
    total, products = parts.sum(axis=2)
    return total, products


def pooling_gradient(x: Array, y: Array, gy: Array) -> Array:
    """Return the gradient of a maximum ``y`` over 2 x 2 pixels by ``x``; it goes to the first of equal pixels."""
    gx = cuda.cupy.empty_like(x)
    cuda.elementwise('T y, T gy, raw T x, int32 width', 'raw T gx',
                     '''bool is_free = true;
                        long long corner = (unsigned int)i / width * 4LL * width + (unsigned int)i % width * 2;
                        for (int part = 0; part < 4; ++part) {
                            long long at = corner + part / 2 * 2 * width + part % 2;
                            bool is_maximum = is_free && x[at] == y;
                            is_free = is_free && !is_maximum;
                            gx[at] = is_maximum ? gy : (T)0;
                        }''', 'hourglass_pooling_gradient')(y, gy, x, y.shape[-1], gx)
    return gx


class Im2Col:
    """What :class:`hourglass.functions.im2row.Im2Row` is on the CPU: the input of a convolution as one matrix."""

    def __init__(self, rows: Array, block: Block, window: Window, out_width: int) -> None:
        self.k, stride, pad = window
        c, n, height, width = rows.shape
        out_height = block.bottom - block.top
        size = c * n * out_height * out_width
        self.matrix = cuda.cupy.empty((self.k * self.k * c, size // c), rows.dtype)
        # One index for all weights of the kernel: divisions take longer than copies.
        cuda.elementwise('raw T x, int32 k, int32 h, int32 w, int32 out_h, int32 out_w, int32 s, int32 p, int64 step',
                         'raw T column',
                         '''unsigned int row = (unsigned int)i / out_w, plane = row / out_h;
                            int left = (unsigned int)i % out_w * s - p, top = row % out_h * s - p;
                            for (int tap_y = 0; tap_y < k; ++tap_y) {
                                for (int tap_x = 0; tap_x < k; ++tap_x) {
                                    int in_x = left + tap_x, in_y = top + tap_y;
                                    bool inside = in_x >= 0 && in_x < w && in_y >= 0 && in_y < h;
                                    column[(tap_y * k + tap_x) * step + i] =
                                        inside ? x[((long long)plane * h + in_y) * w + in_x] : (T)0;
                                }
                            }''',
                         'hourglass_im2col')(rows, self.k, height, width, out_height, out_width, stride, pad, size,
                                             self.matrix, size=size)

    def convolve(self, weights: Array, out: Array) -> None:
        """Write the convolution into ``out`` (O, pixels); ``weights`` are (k, O, k * C)."""
        matmul(weights.transpose(1, 0, 2).reshape(len(out), -1), self.matrix, out)

    def correlate(self, other: Array) -> Array:
        """Return the products of what each row of the kernel sees with (D, ...) ``other``: (k, k * C, D)."""
        d = len(other)
        return matmul(self.matrix, other.reshape(d, -1).T).reshape(self.k, -1, d)
