"""Random nodes that move elements, and chains that decide shapes."""

import numpy as np
from onnx import helper, numpy_helper

from elementwise import operator
from graph import B, F, I, Value

ANY = (F, F, F, I, B)


def like(x, shape):
    """An output that has some of x's elements."""
    return x.dtype, shape, x.exact, x.bound


# ------------------------------------------------------------------ the same elements


def factors(g, n):
    shape = []
    while n > 1 and len(shape) < 4:
        divisors = [d for d in range(1, n + 1) if n % d == 0]
        shape.append(g.draw.choice(divisors))
        n //= shape[-1]
    return [*shape, n] if n > 1 or not shape else shape


@operator("Reshape")
def reshape(g, name):
    x = g.some(g.draw.choice(ANY))
    shape = factors(g, x.elements)
    asked = list(shape)
    if g.chance(0.4):
        asked[g.draw.randrange(len(asked))] = -1
    if g.chance(0.2) and x.rank:
        shape, asked = [x.shape[0], x.elements // x.shape[0]], [0, -1]
    g.add(name, [x, g.ints(*asked)], [like(x, shape)])


@operator("Flatten")
def flatten(g, name):
    x = g.some(F, 1)
    axis = g.draw.randint(0, x.rank)
    shape = (int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:])))
    if g.opset >= 11 and axis < x.rank and g.chance(0.4):
        axis -= x.rank
    g.add(name, [x], [like(x, shape)], axis=axis)


@operator("Transpose")
def transpose(g, name):
    x = g.some(g.draw.choice(ANY))
    order = list(range(x.rank))
    if x.rank and g.chance(0.9):
        g.draw.shuffle(order)
        g.add(name, [x], [like(x, [x.shape[i] for i in order])], perm=order)
    else:
        g.add(name, [x], [like(x, x.shape[::-1])])


def with_axes(g, name, x, axes, shape):
    if g.opset >= 13:
        g.add(name, [x, g.ints(*axes)], [like(x, shape)])
    else:
        g.add(name, [x], [like(x, shape)], axes=axes)


@operator("Unsqueeze", least=11)
def unsqueeze(g, name):
    x = g.some(g.draw.choice(ANY), 0, 3)
    rank = x.rank + g.draw.randint(1, 2)
    axes = sorted(g.draw.sample(range(rank), rank - x.rank))
    shape = list(x.shape)
    for a in axes:
        shape.insert(a, 1)
    with_axes(g, name, x, [a - rank if g.chance(0.3) else a for a in axes], shape)


@operator("Squeeze", least=11)
def squeeze(g, name):
    shape = [n if g.chance(0.5) else 1 for n in g.shape(1)]
    shape[g.draw.randrange(len(shape))] = 1
    x = g.some(g.draw.choice(ANY), shape=tuple(shape))
    ones = [i for i, n in enumerate(shape) if n == 1]
    chosen = g.draw.sample(ones, g.draw.randint(1, len(ones)))
    rest = [n for i, n in enumerate(shape) if i not in chosen]
    with_axes(g, name, x, [a - x.rank if g.chance(0.3) else a for a in chosen], rest)


@operator("Expand")
def expand(g, name):
    x = g.some(g.draw.choice(ANY), 0, 4)
    wanted = g.partner_shape(x.shape)
    g.add(name, [x, g.ints(*wanted)], [like(x, np.broadcast_shapes(x.shape, wanted))])


@operator("Tile")
def tile(g, name):
    x = g.some(F, 1, 4)
    repeats = [g.draw.randint(1, 2) for _ in x.shape]
    g.add(name, [x, g.ints(*repeats)], [like(x, np.multiply(x.shape, repeats))])


# ------------------------------------------------------------------ pieces


@operator("Concat")
def concat(g, name):
    x = g.some(g.draw.choice(ANY), 1)
    axis, values = g.draw.randrange(x.rank), [x]
    for _ in range(g.draw.randint(0, 3)):
        shape = list(x.shape)
        shape[axis] = g.draw.randint(1, 4)
        values.append(g.some(x.dtype, shape=tuple(shape)))
    g.draw.shuffle(values)
    shape = list(x.shape)
    shape[axis] = sum(v.shape[axis] for v in values)
    bound, exact = max(v.bound for v in values), all(v.exact for v in values)
    if g.opset >= 11 and g.chance(0.3):
        axis -= x.rank
    g.add(name, values, [(x.dtype, shape, exact, bound)], axis=axis)


@operator("Split", least=11)
def split(g, name):
    x = g.some(F, 1)
    axis, n = g.draw.randrange(x.rank), 0
    size = x.shape[axis]
    sizes = []
    while sum(sizes) < size:
        sizes.append(g.draw.randint(1, size - sum(sizes)))
    inputs, attributes = [x], {"axis": axis - x.rank if g.chance(0.3) else axis}
    n = len(sizes)
    if g.chance(0.3) and (g.opset < 18 and size % n == 0 or g.opset >= 18):
        each = -(-size // n)
        if each * (n - 1) < size:
            sizes = [each] * (n - 1) + [size - each * (n - 1)]
            if g.opset >= 18:
                attributes["num_outputs"] = n
        else:
            inputs.append(g.ints(*sizes))
    elif g.opset >= 13:
        inputs.append(g.ints(*sizes))
    else:
        attributes["split"] = sizes
    g.add(name, inputs, [like(x, [*x.shape[:axis], s, *x.shape[axis + 1:]]) for s in sizes],
          **attributes)


@operator("Slice", least=10)
def slices(g, name):
    x = g.some(g.draw.choice(ANY), 1)
    axes = g.axes(x.rank)
    starts, ends, steps, shape = [], [], [], list(x.shape)
    for a in axes:
        n = x.shape[a]
        cut = slice(g.draw.choice((None, g.draw.randrange(-n, n))), None,
                    g.draw.choice((1, 1, 2, -1, -2)))
        kept = len(range(n)[cut])
        forward = cut.step > 0
        starts.append((0 if forward else n + 9) if cut.start is None else cut.start)
        ends.append(2 ** 31 if forward else -2 ** 31)
        steps.append(cut.step)
        shape[a] = kept
    inputs = [x, g.ints(*starts), g.ints(*ends), g.ints(*axes), g.ints(*steps)]
    if all(s == 1 for s in steps) and g.chance(0.5):
        inputs.pop()
    g.add(name, inputs, [like(x, shape)])


@operator("Pad", least=11)
def pad(g, name):
    x = g.some(F, 1, 4)
    mode = g.draw.choice(("constant", "constant", "edge", "reflect"))
    most = [min(2, n - 1) if mode == "reflect" else 2 for n in x.shape]
    pads = [g.draw.randint(0, m) for m in most + most]
    if mode == "constant" and g.chance(0.3):
        a = g.draw.randrange(x.rank)
        pads[a] = -1 if x.shape[a] > 1 else 0
    shape = [n + pads[i] + pads[i + x.rank] for i, n in enumerate(x.shape)]
    inputs = [x, g.ints(*pads)]
    if mode == "constant" and g.chance(0.5):
        inputs.append(g.given(np.array(0.5, np.float32)))
    g.add(name, inputs, [like(x, shape)], mode=mode)


# ------------------------------------------------------------------ by index


def indices(g, shape, size):
    low = -size if g.opset >= 11 else 0
    return g.fresh(I, shape, low, size - 1)


@operator("Gather")
def gather(g, name):
    x = g.some(g.draw.choice(ANY), 1, 4)
    axis = g.draw.randrange(x.rank)
    index = indices(g, g.shape(0, 2), x.shape[axis])
    shape = [*x.shape[:axis], *index.shape, *x.shape[axis + 1:]]
    g.add(name, [x, index], [like(x, shape)], axis=axis - x.rank if g.chance(0.3) else axis)


@operator("GatherElements", least=11)
def gather_elements(g, name):
    x = g.some(g.draw.choice((F, F, I)), 1)
    axis = g.draw.randrange(x.rank)
    shape = [n if i != axis else g.draw.randint(1, 4) for i, n in enumerate(x.shape)]
    g.add(name, [x, indices(g, shape, x.shape[axis])], [like(x, shape)],
          axis=axis - x.rank if g.chance(0.3) else axis)


def tuples(g, x, batch_dims):
    """(indices of the dims behind the batch, the rest of x's shape)"""
    depth = g.draw.randint(1, x.rank - batch_dims)
    outer = (*x.shape[:batch_dims], *g.shape(0, 1))
    columns = [g.numpy.integers(-x.shape[batch_dims + i], x.shape[batch_dims + i], (*outer, 1))
               for i in range(depth)]
    return (g.given(np.concatenate(columns, -1).astype(np.int64), 4),
            x.shape[batch_dims + depth:])


@operator("GatherND", least=12)
def gather_nd(g, name):
    x = g.some(F, 1, 4)
    batch_dims = g.draw.randint(0, min(1, x.rank - 1))
    index, rest = tuples(g, x, batch_dims)
    g.add(name, [x, index], [like(x, (*index.shape[:-1], *rest))], batch_dims=batch_dims)


@operator("ScatterND", least=11)
def scatter_nd(g, name):
    x = g.some(F, 1, 4)
    reduction = g.draw.choice(("none", "add", "mul", "min", "max")) if g.opset >= 18 else "none"
    index, rest = tuples(g, x, 0)
    if reduction == "none":  # which of two updates of one place stays is anybody's choice
        index = g.ints(*[g.draw.randrange(n) for n in x.shape[:index.shape[-1]]],
                       shape=(1, index.shape[-1]))
    updates = g.some(F, shape=(*index.shape[:-1], *rest), bound=3.0)
    attributes = {} if reduction == "none" else {"reduction": reduction}
    exact = x.exact and updates.exact and reduction in ("none", "min", "max")
    g.add(name, [x, index, updates], [(F, x.shape, exact, x.bound * 1000)], **attributes)


@operator("NonZero")
def nonzero(g, name):
    array = g.numpy.integers(0, 2, g.shape(1, 3))
    array.flat[0] = 1
    x = g.given(array.astype(g.draw.choice((np.bool_, np.int64, np.float32))))
    g.add(name, [x], [(I, (array.ndim, np.count_nonzero(array)), True, 4)])


# ------------------------------------------------------------------ shapes


@operator("Shape", "Size")
def shape_of(g, name):
    """A number of x's shape goes into a computation."""
    x = g.some(F, 1)
    if name == "Size":
        n = g.add(name, [x], [(I, (), True, x.elements)])
    else:
        attributes, dims = {}, x.shape
        if g.opset >= 15 and g.chance(0.4):
            start = g.draw.randrange(-x.rank, x.rank)
            attributes, dims = {"start": start}, x.shape[start:]
        n = g.add(name, [x], [(I, (len(dims),), True, 99)], **attributes)
    if g.chance(0.3):
        g.add("Cast", [n], [(F, n.shape, True, 1e6)], to=1)
    elif name == "Shape" and n.shape == (x.rank,):  # x back from another shape
        flat = g.add("Reshape", [x, g.ints(-1)], [like(x, (x.elements,))])
        g.add("Reshape", [flat, n], [like(x, x.shape)])


@operator("ConstantOfShape")
def constant_of_shape(g, name):
    x = g.some(F, 1, 4)
    dims = g.add("Shape", [x], [(I, (x.rank,), True, 99)])
    dtype = g.draw.choice((F, I, B))
    value = np.array([1], {F: np.float32, I: np.int64, B: np.bool_}[dtype])
    attributes = {"value": numpy_helper.from_array(value)} if dtype != F or g.chance(0.7) else {}
    g.add(name, [dims], [(dtype, x.shape, True, 1)], **attributes)


@operator("Range", least=11)
def ranges(g, name):
    if g.chance(0.5):  # the positions of a dim
        x = g.some(F, 1)
        axis = g.draw.randrange(x.rank)
        dims = g.add("Shape", [x], [(I, (x.rank,), True, 99)])
        n = g.add("Gather", [dims, g.given(np.array(axis, np.int64), stored=True)],
                  [(I, (), True, 99)])
        zero, one = (g.given(np.array(v, np.int64), stored=True) for v in (0, 1))
        g.add(name, [zero, n, one], [(I, (x.shape[axis],), True, 9)])
    else:
        start, step = g.draw.randint(-3, 3), g.draw.choice((1, 2, -1, -3))
        n = g.draw.randint(1, 6)
        dtype = g.draw.choice((np.int64, np.float32))
        bounds = [g.given(np.array(v, dtype)) for v in (start, start + n * step, step)]
        g.add(name, bounds, [(F if dtype == np.float32 else I, (n,), True, 30)])


@operator("Constant")
def constants(g, name):
    array = g.numpy.uniform(-2, 2, g.shape()).astype(np.float32)
    attributes = {"value": numpy_helper.from_array(array)}
    if g.opset >= 12 and g.chance(0.5):
        array = np.array(g.draw.choice((1.5, [1.0, -2.0, 0.25])), np.float32)
        attributes = {("value_floats" if array.ndim else "value_float"): array.tolist()}
    x = g.add(name, [], [(F, array.shape, True, 2.0)], **attributes)
    y = g.some(F, shape=g.partner_shape(array.shape))
    g.add("Add", [x, y], [(F, np.broadcast_shapes(x.shape, y.shape), y.exact, y.bound + 2)])


@operator("If", least=11)
def choice(g, name):
    """Which branch is known: a constant, or a question about a shape."""
    x = g.some(F, 1)
    if g.chance(0.5):
        condition = g.given(np.array(g.chance(0.5)), stored=True)
    else:
        n = g.add("Size", [x], [(I, (), True, x.elements)])
        condition = g.add("Equal", [n, g.given(np.array(x.elements, np.int64), stored=True)],
                          [(B, (), True, 1)])

    def branch(op_type):
        inner = g.name()
        node = helper.make_node(op_type, [x.name], [inner])
        return helper.make_graph([node], op_type, [],
                                 [helper.make_tensor_value_info(inner, 1, None)])

    g.used.add(x.name)
    y: Value = g.add(name, [condition], [(F, x.shape, x.exact, x.bound)],
                     then_branch=branch("Neg"), else_branch=branch("Relu"))
    g.add("Tanh", [y], [(F, x.shape, False, 1.0)])
