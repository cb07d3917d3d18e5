"""Random nodes of networks: products, windows, norms, attention, and Microsoft's fused ones."""

import math

import numpy as np

from elementwise import operator, operators
from graph import F, MICROSOFT


def microsoft(name):
    """Registers under "com.microsoft:NAME": some names are the standard's, too."""
    def register(function):
        operators[f"{MICROSOFT}:{name}"] = (lambda g: function(g, name), 11)
        return function
    return register


def weights(g, *shape):
    return g.fresh(F, shape, -0.7, 0.7, stored=g.chance(0.8))


def result(shape, k=1, bound=2.0):
    return F, shape, False, 2.0 * k * bound


# ------------------------------------------------------------------ products


@operator("MatMul")
def matmul(g, name):
    a = g.some(F, 1, 4, bound=8.0)
    k, n = a.shape[-1], g.draw.randint(1, 6)
    if g.chance(0.2):
        b, shape = weights(g, k), a.shape[:-1]
    else:
        batch = g.partner_shape(a.shape[:-2])[:3] if a.rank > 2 and g.chance(0.5) else ()
        b = weights(g, *batch, k, n)
        outer = np.broadcast_shapes(a.shape[:-2], batch)
        shape = (*outer, *(a.shape[-2:-1]), n)
    g.add(name, [a, b], [result(shape, k, a.bound)])


def gemm_operands(g):
    m, k, n = (g.draw.randint(1, 7) for _ in range(3))
    flip_a, flip_b = g.chance(0.3), g.chance(0.5)
    a = g.some(F, shape=(k, m) if flip_a else (m, k), bound=8.0)
    b = weights(g, *((n, k) if flip_b else (k, n)))
    attributes = {"transA": int(flip_a), "transB": int(flip_b)}
    if g.chance(0.3):
        attributes["alpha"], attributes["beta"] = 0.5, 1.5
    c = weights(g, *g.draw.choice(((n,), (1, n), (m, n), (m, 1), ())))
    return a, b, c, (m, n), attributes


@operator("Gemm", least=11)
def gemm(g, name):
    a, b, c, shape, attributes = gemm_operands(g)
    inputs = [a, b, c] if g.chance(0.8) else [a, b]
    g.add(name, inputs, [result(shape, 8, a.bound)], **attributes)


@microsoft("FusedGemm")
def fused_gemm(g, name):
    a, b, c, shape, attributes = gemm_operands(g)
    g.add(name, [a, b, c], [result(shape, 8, a.bound)], MICROSOFT, activation="Relu",
          **attributes)


@microsoft("FusedMatMul")
def fused_matmul(g, name):
    batch = g.shape(0, 2, 3)
    m, k, n = (g.draw.randint(1, 6) for _ in range(3))
    flip_a, flip_b = g.chance(0.5), g.chance(0.5)
    a = g.some(F, shape=(*batch, *((k, m) if flip_a else (m, k))), bound=8.0)
    b = g.some(F, shape=(*batch, *((n, k) if flip_b else (k, n))), bound=2.0)
    g.add(name, [a, b], [result((*batch, m, n), k, a.bound)], MICROSOFT, transA=int(flip_a),
          transB=int(flip_b), alpha=g.draw.choice((1.0, 0.25)))


# ------------------------------------------------------------------ windows


def images(g, least=3):
    return g.some(F, shape=(g.draw.randint(1, 2), g.draw.randint(1, 4),
                            g.draw.randint(least, 8), g.draw.randint(least, 8)), bound=4.0)


def window(g, size, kernel, dilation=1):
    """(stride, pads, output size) along one axis."""
    stride, begin, end = g.draw.randint(1, 3), g.draw.randint(0, 1), g.draw.randint(0, 1)
    begin, end = min(begin, kernel - 1), min(end, kernel - 1)
    reach = dilation * (kernel - 1) + 1
    return stride, begin, end, (size + begin + end - reach) // stride + 1


def convolution(g, name, domain="", **more):
    x = images(g)
    groups = g.draw.choice([n for n in (1, 1, 2, x.shape[1]) if x.shape[1] % n == 0])
    channels = groups * g.draw.randint(1, 3)
    kernels = [g.draw.randint(1, 3) for _ in range(2)]
    dilations = [g.draw.randint(1, 2) if 2 * (k - 1) < n else 1
                 for k, n in zip(kernels, x.shape[2:])]
    axes = [window(g, n, k, d) for n, k, d in zip(x.shape[2:], kernels, dilations)]
    inputs = [x, weights(g, channels, x.shape[1] // groups, *kernels)]
    if g.chance(0.6):
        inputs.append(weights(g, channels))
    g.add(name, inputs, [result((x.shape[0], channels, *(a[3] for a in axes)),
                                9 * x.shape[1], x.bound)],
          domain, kernel_shape=kernels, group=groups, strides=[a[0] for a in axes],
          dilations=dilations, pads=[a[1] for a in axes] + [a[2] for a in axes], **more)


@operator("Conv", least=11)
def conv(g, name):
    convolution(g, name)


@microsoft("FusedConv")
def fused_conv(g, name):
    convolution(g, name, MICROSOFT, activation="Relu")


@operator("AveragePool", least=11)
def average_pool(g, name):
    x = images(g)
    kernels = [g.draw.randint(1, 3) for _ in range(2)]
    axes = [window(g, n, k) for n, k in zip(x.shape[2:], kernels)]
    g.add(name, [x], [result((*x.shape[:2], *(a[3] for a in axes)), 1, x.bound)],
          kernel_shape=kernels, strides=[a[0] for a in axes],
          pads=[a[1] for a in axes] + [a[2] for a in axes],
          count_include_pad=int(g.chance(0.5)))


@operator("GlobalAveragePool")
def global_average_pool(g, name):
    x = images(g)
    g.add(name, [x], [result((*x.shape[:2], 1, 1), 1, x.bound)])


@operator("Resize", least=11)
def resize(g, name):
    x = images(g)
    mode = g.draw.choice(("nearest", "linear", "cubic"))
    attributes = {"mode": mode, "coordinate_transformation_mode": g.draw.choice(
        ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"))}
    if mode == "nearest":
        attributes["nearest_mode"] = g.draw.choice(("floor", "ceil", "round_prefer_floor"))
        attributes["coordinate_transformation_mode"] = g.draw.choice(
            ("half_pixel", "asymmetric"))
    if mode == "cubic":
        attributes["cubic_coeff_a"] = g.draw.choice((-0.75, -0.5))
    if g.opset >= 18 and mode != "nearest" and g.chance(0.4):
        attributes["antialias"] = 1
        attributes["coordinate_transformation_mode"] = "half_pixel"
    factors = [g.draw.choice((0.5, 1.0, 2.0)) for _ in range(2)]
    sizes = [max(1, math.floor(n * f)) for n, f in zip(x.shape[2:], factors)]
    shape = (*x.shape[:2], *sizes)
    empty = g.given(np.zeros(0, np.float32), stored=True)
    # Where a scale gives no whole size, ONNX Runtime aligns corners of the size that is cut, the
    # standard those of the other.
    is_aligned = attributes["coordinate_transformation_mode"] == "align_corners"
    if (not is_aligned and g.chance(0.5)
            and all(math.floor(n * f) for n, f in zip(x.shape[2:], factors))):
        scales = g.given(np.array([1, 1, *factors], np.float32), stored=True)
        g.add(name, [x, empty, scales], [result(shape, 2, x.bound)], **attributes)
    else:
        inputs = [x, None, None] if g.opset >= 13 else [x, empty, empty]
        wanted = g.given(np.array(shape, np.int64), stored=True)
        g.add(name, [*inputs, wanted], [result(shape, 2, x.bound)], **attributes)


# ------------------------------------------------------------------ norms


@operator("BatchNormalization", least=9)
def batch_normalization(g, name):
    x = images(g) if g.chance(0.7) else g.some(F, 2, 4, bound=4.0)
    c = (x.shape[1],)
    inputs = [x, weights(g, *c), weights(g, *c), weights(g, *c),
              g.fresh(F, c, 0.5, 2.0, stored=True)]
    g.add(name, inputs, [result(x.shape, 2, x.bound)], epsilon=g.draw.choice((1e-5, 1e-3)))


def norm_operands(g, last_only=False):
    x = g.fresh(F, g.shape(2, 4, 6), -2, 2)
    if g.chance(0.6):
        y = g.some(F, shape=x.shape, bound=4.0)
        x = g.add("Add", [x, y], [(F, x.shape, x.exact and y.exact, 2 + y.bound)])
    axis = x.rank - 1 if last_only or g.chance(0.7) else g.draw.randrange(x.rank)
    return x, axis, x.shape[axis:]


@operator("LayerNormalization", least=17)
@operator("RMSNormalization", least=23)
def layer_normalization(g, name):
    x, axis, shape = norm_operands(g)
    inputs = [x, weights(g, *shape)]
    if name == "LayerNormalization" and g.chance(0.7):
        inputs.append(weights(g, *shape))
    # A row may hold one element twice: an epsilon that is not small keeps that harmless.
    g.add(name, inputs, [result(x.shape, 3)], axis=axis - x.rank if g.chance(0.5) else axis,
          epsilon=g.draw.choice((1e-2, 1e-3)))


@operator("SimplifiedLayerNormalization")
def simplified(g, name):
    x, axis, shape = norm_operands(g, last_only=True)
    g.add(name, [x, weights(g, *shape)], [result(x.shape, 3)], axis=-1, epsilon=1e-3)


def hidden(g, size=None):
    return g.draw.randint(1, 2), g.draw.randint(1, 5), size or g.draw.randint(2, 8)


@microsoft("SkipLayerNormalization")
@microsoft("SkipSimplifiedLayerNormalization")
def skip_norm(g, name):
    shape = hidden(g)
    n = shape[-1:]
    inputs = [g.some(F, shape=shape, bound=4.0), g.fresh(F, shape), weights(g, *n)]
    if name == "SkipLayerNormalization":
        inputs.append(weights(g, *n))
    if g.chance(0.5):
        inputs.append(weights(g, *n))
    g.add(name, inputs, [result(shape, 3)], MICROSOFT, epsilon=1e-3)


# ------------------------------------------------------------------ activations of Microsoft's


@microsoft("Gelu")
@microsoft("QuickGelu")
@microsoft("FastGelu")
@microsoft("BiasGelu")
def activation(g, name):
    x = g.some(F, 1, 4)
    inputs = [x]
    if name == "BiasGelu" or name == "FastGelu" and g.chance(0.5):
        inputs.append(weights(g, x.shape[-1]))
    attributes = {"alpha": 1.702} if name == "QuickGelu" else {}
    g.add(name, inputs, [result(x.shape, 1, x.bound + 1)], MICROSOFT, **attributes)


# ------------------------------------------------------------------ attention


@operator("Attention", least=23)
def attention(g, name):
    batch, heads, d = g.draw.randint(1, 2), g.draw.randint(1, 3), g.draw.randint(2, 6)
    rows, columns = g.draw.randint(1, 6), g.draw.randint(1, 6)
    attributes = {"scale": 0.4} if g.chance(0.4) else {}
    causal = g.chance(0.3)
    if causal:
        columns, attributes["is_causal"] = rows, 1
    shapes = [(batch, heads, rows, d), (batch, heads, columns, d), (batch, heads, columns, d)]
    if g.chance(0.4):
        attributes["q_num_heads"] = attributes["kv_num_heads"] = heads
        shapes = [(b, s, h * e) for b, h, s, e in shapes]
    inputs = [g.some(F, shape=s, bound=4.0) for s in shapes]
    if not causal and g.chance(0.4):
        inputs.append(g.fresh(F, (rows, columns), -1, 1))
    g.add(name, inputs, [result(shapes[0])], **attributes)


@microsoft("Attention")
def ms_attention(g, name):
    heads, d = g.draw.randint(1, 3), g.draw.randint(2, 4)
    shape = hidden(g, heads * d)
    n = shape[-1]
    g.add(name, [g.some(F, shape=shape, bound=4.0), weights(g, n, 3 * n), weights(g, 3 * n)],
          [result(shape, n)], MICROSOFT, num_heads=heads)


@microsoft("MultiHeadAttention")
def multi_head_attention(g, name):
    heads, d = g.draw.randint(1, 3), g.draw.randint(2, 4)
    shape = hidden(g, heads * d)
    inputs = [g.some(F, shape=shape, bound=4.0) for _ in range(3)]
    if g.chance(0.5):
        inputs.append(weights(g, 3 * shape[-1]))
    g.add(name, inputs, [result(shape)], MICROSOFT, num_heads=heads)
