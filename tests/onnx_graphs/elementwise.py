"""Random nodes that work element by element, and along axes.

A builder adds a node, or a few, to a graph.  'operators' maps an operator to (builder, least
opset).
"""

import numpy as np

from graph import B, F, I

operators = {}


def operator(*names, least=9):
    def register(function):
        for name in names:
            operators[name] = (lambda g, n=name: function(g, n), least)
        return function
    return register


def broadcast(*shapes):
    return np.broadcast_shapes(*shapes)


# ------------------------------------------------------------------ one operand

EXACT = ("Abs", "Neg", "Relu", "Ceil", "Floor", "Round", "Sign")


@operator("Abs", "Neg", "Relu", "Erf", "Sigmoid", "Tanh")
@operator("HardSigmoid", "LeakyRelu")
@operator("HardSwish", least=14)
@operator("Gelu", least=20)
def unary(g, name):
    x = g.some(I if name in ("Abs", "Neg") and g.chance(0.3) else F)
    attributes = {}
    if name == "Gelu" and g.chance(0.5):
        attributes = {"approximate": "tanh"}
    if name in ("HardSigmoid", "LeakyRelu") and g.chance(0.7):
        attributes = {"alpha": g.draw.uniform(0.05, 0.4)}
    bound = 1.0 if name in ("Erf", "Sigmoid", "Tanh", "HardSigmoid") else x.bound
    g.add(name, [x], [(x.dtype, x.shape, x.exact and name in EXACT, bound)], **attributes)


@operator("Ceil", "Floor", "Sign")
@operator("Round", least=11)
def not_continuous(g, name):
    x = g.some(F, exact=True)
    g.add(name, [x], [(F, x.shape, True, x.bound + 1)])


@operator("IsNaN")
def is_nan(g, name):
    x = g.some(F)
    if g.chance(0.5):
        shape = g.shape()
        array = g.numpy.uniform(-1, 1, shape).astype(np.float32)
        x = g.given(np.where(g.numpy.integers(0, 2, shape), array, np.float32("nan")), 1e9)
    g.add(name, [x], [(B, x.shape, True, 1)])


@operator("Exp")
def exponential(g, name):
    x = g.some(F, bound=3.0)
    g.add(name, [x], [(F, x.shape, False, np.exp(x.bound))])


@operator("Log", "Sqrt", "Reciprocal")
def of_positive(g, name):
    shape = g.shape()
    if g.chance(0.4):  # a computed one
        x = g.some(F)
        x = g.add("Abs", [x], [(F, x.shape, x.exact, x.bound)])
        x = g.add("Add", [x, g.fresh(F, (), 0.5, 1.0)], [(F, x.shape, x.exact, x.bound + 1)])
    else:
        x = g.fresh(F, shape, 0.3, 3.0)
    g.add(name, [x], [(F, x.shape, x.exact and name != "Log", max(x.bound, 4.0))])


@operator("Not")
def negation(g, name):
    x = g.some(B)
    g.add(name, [x], [(B, x.shape, True, 1)])


@operator("Identity", "Dropout", least=13)
def copies(g, name):
    x = g.some(g.draw.choice((F, F, I, B)) if name == "Identity" else F)
    outputs = [(x.dtype, x.shape, x.exact, x.bound)]
    if name == "Dropout" and g.chance(0.5):
        outputs.append((B, x.shape, True, 1))
    g.add(name, [x], outputs)


@operator("Cast")
@operator("CastLike", least=15)
def cast(g, name):
    to = g.draw.choice((F, I, B))
    x = g.some(g.draw.choice((F, I, B)), exact=True)
    output = [(to, x.shape, True, x.bound)]
    if name == "CastLike":
        g.add(name, [x, g.some(to)], output)
    else:
        g.add(name, [x], output, to={F: 1, I: 7, B: 9}[to])


@operator("Clip", least=12)
def clip(g, name):
    x = g.some(g.draw.choice((F, F, I)))
    low = g.given(np.array(-1, np.float32 if x.dtype == F else np.int64))
    high = g.given(np.array(1, np.float32 if x.dtype == F else np.int64))
    inputs = g.draw.choice(([x, low, high], [x, low], [x, None, high], [x]))
    g.add(name, inputs, [(x.dtype, x.shape, x.exact, x.bound)])


# ------------------------------------------------------------------ several operands


def pair(g, dtype, exact=False):
    a = g.some(dtype, exact=exact)
    b = g.some(dtype, exact=exact, shape=g.partner_shape(a.shape))
    return (b, a) if g.chance(0.3) else (a, b)


@operator("Add", "Sub", "Mul")
def arithmetic(g, name):
    a, b = pair(g, g.draw.choice((F, F, F, I)))
    bound = a.bound * b.bound if name == "Mul" else a.bound + b.bound
    g.add(name, [a, b], [(a.dtype, broadcast(a.shape, b.shape), a.exact and b.exact, bound)])


@operator("Div", "Mod", least=10)
def division(g, name):
    a = g.some(F if name == "Div" and g.chance(0.7) else I)
    shape = g.partner_shape(a.shape)
    b = g.fresh(a.dtype, shape, 1 if a.dtype == I else 0.5, 4)
    attributes = {"fmod": 1} if name == "Mod" and g.chance(0.3) else {}
    g.add(name, [a, b], [(a.dtype, broadcast(a.shape, shape), a.exact, 2 * a.bound)],
          **attributes)


@operator("Pow", least=12)
def power(g, name):
    base = g.fresh(F, g.shape(), 0.3, 2.0)
    if g.chance(0.5):
        base = g.some(F, bound=4.0)
        exponent = g.given(np.array(g.draw.choice((2.0, 3.0, 0.0, 1.0)), np.float32))
    else:
        exponent = g.some(F, bound=2.0, shape=g.partner_shape(base.shape))
    g.add(name, [base, exponent],
          [(F, broadcast(base.shape, exponent.shape), False, max(64.0, base.bound))])


@operator("And", "Or", "Xor")
def logic(g, name):
    a, b = pair(g, B)
    g.add(name, [a, b], [(B, broadcast(a.shape, b.shape), True, 1)])


@operator("Equal", "Greater", "Less", least=11)
@operator("GreaterOrEqual", "LessOrEqual", least=12)
def comparison(g, name):
    kinds = (F, I, B) if name == "Equal" else (F, I)
    a, b = pair(g, g.draw.choice(kinds), exact=True)
    g.add(name, [a, b], [(B, broadcast(a.shape, b.shape), True, 1)])


@operator("Max", "Min", "Sum", "Mean", least=12)
def variadic(g, name):
    dtype = I if name in ("Max", "Min") and g.chance(0.2) else F
    values = [g.some(dtype)]
    for _ in range(g.draw.randint(0, 3)):
        shape = broadcast(*[v.shape for v in values])
        if len(shape) <= 5:
            values.append(g.some(dtype, shape=g.partner_shape(shape)))
    exact = name in ("Max", "Min") and all(v.exact for v in values)
    bound = sum(v.bound for v in values)
    g.add(name, values, [(dtype, broadcast(*[v.shape for v in values]), exact, bound)])


@operator("Where")
def where(g, name):
    a, b = pair(g, g.draw.choice((F, F, I)))
    shape = broadcast(a.shape, b.shape)
    condition = g.some(B, shape=g.partner_shape(shape))
    g.add(name, [condition, a, b], [(a.dtype, broadcast(shape, condition.shape),
                                     a.exact and b.exact, max(a.bound, b.bound))])


# ------------------------------------------------------------------ along axes


@operator("Softmax", "LogSoftmax")
def softmax(g, name):
    x = g.some(F, 1)
    attributes = {"axis": g.axis(x.rank)} if g.chance(0.8) or x.rank < 2 else {}
    g.add(name, [x], [(F, x.shape, False, 1.0 if name == "Softmax" else 2 * x.bound + 9)],
          **attributes)


@operator("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
          "ReduceSumSquare", least=11)
def reduce(g, name):
    dtype = I if name in ("ReduceMax", "ReduceMin", "ReduceSum") and g.chance(0.2) else F
    x = g.some(dtype, 1, bound=2.0 if name == "ReduceProd" else 8.0)
    if name == "ReduceProd" and x.elements > 64:
        x = g.fresh(F, g.shape(1, 3, 3), -1.5, 1.5)
    axes, keep = g.axes(x.rank), g.chance(0.5)
    attributes, inputs = {"keepdims": int(keep)}, [x]
    as_input = g.opset >= 18 or (name == "ReduceSum" and g.opset >= 13)
    if g.chance(0.2):
        axes = list(range(x.rank))
    elif as_input:
        inputs.append(g.ints(*axes))
    else:
        attributes["axes"] = axes
    reduced = {a % x.rank for a in axes}
    shape = [1 if i in reduced else n for i, n in enumerate(x.shape) if keep or i not in reduced]
    n = np.prod([x.shape[a] for a in reduced])
    bound = {"ReduceSum": x.bound * n, "ReduceSumSquare": x.bound ** 2 * n,
             "ReduceL2": x.bound * n, "ReduceProd": 1e9}.get(name, x.bound)
    exact = x.exact and (dtype == I or name in ("ReduceMax", "ReduceMin"))
    g.add(name, inputs, [(dtype, shape, exact, bound)], **attributes)
