"""What passes raise, written out as exporters do, and near misses of it: one factor, axis or order
is now and then another.  The values in between are other nodes' to use, too."""

import math

import numpy as np

from elementwise import operators
from graph import F
from layers import result, weights


def pattern(name):
    """A builder as of an operator, which counts for none."""
    def register(function):
        operators["written out: " + name] = (function, 13)
        return function
    return register


def scalar(g, value):
    return g.given(np.array(value, np.float32).reshape(g.draw.choice(((), (1,)))), stored=True)


def either(g, right, wrong):
    return right if g.chance(0.75) else wrong


def node(g, op_type, inputs, shape, bound=4.0, **attributes):
    inputs = list(inputs)
    if op_type in ("Add", "Mul") and g.chance(0.5):
        inputs.reverse()
    return g.add(op_type, inputs, [result(shape, 1, bound)], **attributes)


def tokens(g, width=None):
    shape = (g.draw.randint(1, 2), g.draw.randint(2, 5), width or g.draw.randint(2, 8))
    return g.some(F, shape=shape, bound=4.0)


@pattern("gelu")
def gelu(g):
    x = tokens(g)
    y = node(g, "Div", [x, scalar(g, either(g, math.sqrt(2), 1.5))], x.shape)
    y = node(g, "Erf", [y], x.shape)
    y = node(g, "Add", [y, scalar(g, either(g, 1.0, 0.9))], x.shape)
    half = scalar(g, either(g, 0.5, 0.6))
    if g.chance(0.5):
        node(g, "Mul", [node(g, "Mul", [x, y], x.shape), half], x.shape)
    else:
        node(g, "Mul", [node(g, "Mul", [x, half], x.shape), y], x.shape)


@pattern("layernorm")
def layernorm(g):
    x = tokens(g)
    axis = either(g, [-1], [1])
    shape = [1 if i == axis[0] % 3 else n for i, n in enumerate(x.shape)]

    def mean(v):
        if g.opset >= 18:
            return node(g, "ReduceMean", [v, g.given(np.array(axis, np.int64), stored=True)], shape)
        return node(g, "ReduceMean", [v], shape, axes=axis)

    centred = node(g, "Sub", either(g, [x, mean(x)], [mean(x), x]), x.shape)
    if g.chance(0.5):
        square = node(g, "Pow", [centred, scalar(g, either(g, 2.0, 4.0))], x.shape, 16.0)
    else:
        square = node(g, "Mul", [centred, centred], x.shape, 16.0)
    variance = node(g, "Add", [mean(square), scalar(g, 1e-2)], shape)
    y = node(g, "Div", [centred, node(g, "Sqrt", [variance], shape)], x.shape)
    y = node(g, "Mul", [y, weights(g, x.shape[-1])], x.shape)
    if g.chance(0.8):
        node(g, "Add", [y, weights(g, x.shape[-1])], x.shape)


def linear(g, x, n):
    """Without a bias at times, or with one that is no row."""
    y = node(g, "MatMul", [x, weights(g, x.shape[-1], n)], (*x.shape[:-1], n))
    if g.chance(0.8):
        bias = weights(g, *either(g, (n,), (x.shape[-2], 1)))
        y = node(g, "Add", [y, bias], y.shape)
    return y


@pattern("linear")
def linear_with_epilogue(g):
    x = tokens(g)
    y = linear(g, x, x.shape[-1])
    if g.chance(0.4):
        y = node(g, "Mul", [y, weights(g, *either(g, y.shape[-1:], y.shape[-2:]))], y.shape)
    residual = either(g, x, g.fresh(F, g.partner_shape(y.shape)[-3:]))
    shape = np.broadcast_shapes(y.shape, residual.shape)
    y = node(g, "Add", [y, residual], shape)
    if g.chance(0.3):
        node(g, "Relu", [y], shape)


@pattern("attention")
def attention(g):
    heads, d = g.draw.randint(1, 3), g.draw.randint(2, 4)
    x = tokens(g, heads * d)
    batch, rows, width = x.shape

    def split(v, order):
        dims = g.given(np.array([batch, rows, heads, d], np.int64), stored=True)
        v = node(g, "Reshape", [v, dims], (batch, rows, heads, d))
        return node(g, "Transpose", [v], [v.shape[i] for i in order], perm=order)

    q, k, v = (split(linear(g, x, width), order)
               for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
    if g.chance(0.3):
        q = node(g, "Mul", [q, scalar(g, d ** -0.5)], q.shape)
    scores = node(g, "MatMul", [q, k], (batch, heads, rows, rows))
    if g.chance(0.7):
        scores = node(g, "Mul", [scores, scalar(g, either(g, d ** -0.5, 0.3))], scores.shape)
    if g.chance(0.2):
        scores = node(g, "Add", [scores, weights(g, rows, rows)], scores.shape)
    table = node(g, "Softmax", [scores], scores.shape, axis=either(g, -1, -2))
    y = node(g, "MatMul", [table, v], (batch, heads, rows, d))
    y = node(g, "Transpose", [y], (batch, rows, heads, d), perm=[0, 2, 1, 3])
    dims = g.given(np.array([batch, rows, width], np.int64), stored=True)
    linear(g, node(g, "Reshape", [y, dims], x.shape), width)
