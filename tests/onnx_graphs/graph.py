"""A small ONNX graph that grows at random, and knows enough of its values to stay valid.

Of each value the type and the shape are known, whether all runtimes must agree on its bits, and
a bound of its elements: what is not continuous is fed exact values, what grows fast small ones.
"""

import random

import numpy as np
from onnx import TensorProto, helper, numpy_helper

F, I, B = "f", "i", "b"
NUMPY = {F: np.float32, I: np.int64, B: np.bool_}
ONNX = {F: TensorProto.FLOAT, I: TensorProto.INT64, B: TensorProto.BOOL}

MICROSOFT = "com.microsoft"
MOST_BOUND = 30.0  # of what is used again
MOST_ELEMENTS = 4096


class Value:
    def __init__(self, name, dtype, shape, exact=False, bound=2.0):
        self.name, self.dtype, self.shape = name, dtype, tuple(int(n) for n in shape)
        self.exact, self.bound = exact, bound
        self.rank = len(self.shape)
        self.elements = int(np.prod(self.shape, dtype=np.int64))


class Graph:
    def __init__(self, seed, opset):
        self.draw = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.opset = opset
        self.has_open_dims = True
        self.nodes, self.inputs, self.initializers = [], [], []
        self.pool, self.used = [], set()
        self.data = []  # of the inputs
        self.n_names = 0

    # -------------------------------------------------------------- values

    def name(self):
        self.n_names += 1
        return f"t{self.n_names}"

    def chance(self, p):
        return self.draw.random() < p

    def shape(self, least=0, most=5, dim=5):
        rank = self.draw.randint(least, most)
        return tuple(self.draw.randint(1, dim if rank < 4 else 3) for _ in range(rank))

    def declare(self, array):
        """A graph input of that value; some of its dims may be open."""
        name = self.name()
        is_open = [self.has_open_dims and self.chance(0.3) for _ in array.shape]
        dims = [self.draw.choice([f"{name}_{i}", None]) if is_open[i] else n
                for i, n in enumerate(array.shape)]
        dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
        self.inputs.append(helper.make_tensor_value_info(name, dtype, dims))
        self.data.append(array)
        return name

    def store(self, array):
        """An initializer or a Constant."""
        name = self.name()
        if self.chance(0.3):
            self.nodes.append(helper.make_node(
                "Constant", [], [name], value=numpy_helper.from_array(array, name)))
        else:
            self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def given(self, array, bound=2.0, stored=None):
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        stored = self.chance(0.3) if stored is None else stored
        name = self.store(array) if stored else self.declare(array)
        dtype = {np.dtype(t): d for d, t in NUMPY.items()}[array.dtype]
        value = Value(name, dtype, array.shape, True, bound)
        if not stored:
            self.pool.append(value)
        return value

    def fresh(self, dtype, shape, low=-2.0, high=2.0, stored=None):
        """A new input or constant with elements between two bounds."""
        if dtype == F:
            array = self.numpy.uniform(low, high, shape).astype(np.float32)
        elif dtype == I:
            array = self.numpy.integers(int(low), int(high) + 1, shape, dtype=np.int64)
        else:
            array = self.numpy.integers(0, 2, shape).astype(np.bool_)
        return self.given(np.asarray(array), max(abs(low), abs(high)), stored)

    def ints(self, *numbers, shape=None):
        """A small list that decides something: a constant, or an input that is bound as one."""
        array = np.array(numbers, np.int64).reshape(-1 if shape is None else shape)
        return self.given(array, stored=self.chance(0.7))

    def some(self, dtype=F, least=0, most=5, exact=False, bound=MOST_BOUND, shape=None):
        """A value that was there before, or a new one."""
        fits = [v for v in self.pool
                if v.dtype == dtype and (v.exact or not exact) and v.bound <= bound
                and 0 < v.elements <= MOST_ELEMENTS
                and (v.shape == shape if shape is not None else least <= v.rank <= most)]
        if fits and self.chance(0.75):
            return self.draw.choice(fits)
        high = min(bound, 2.0 if dtype == F else 4.0)
        return self.fresh(dtype, self.shape(least, most) if shape is None else shape, -high, high)

    def partner_shape(self, shape):
        """A shape that broadcasts against another one, in both directions."""
        dims = [n if self.chance(0.7) else 1 for n in shape]
        if self.chance(0.4):
            dims = dims[self.draw.randint(0, len(dims)):]
        elif len(dims) < 5 and self.chance(0.2):
            dims = [self.draw.randint(1, 3), *dims]
        return tuple(n if n > 1 or self.chance(0.7) or len(dims) == 0 else
                     (self.draw.randint(1, 3) if self.is_one(shape, len(dims) - i) else 1)
                     for i, n in enumerate(dims))

    @staticmethod
    def is_one(shape, from_end):
        return from_end > len(shape) or shape[-from_end] == 1

    def axis(self, rank):
        """An axis, counted from either end."""
        return self.draw.randrange(-rank, rank)

    def axes(self, rank, least=1):
        axes = self.draw.sample(range(rank), self.draw.randint(min(least, rank), rank))
        return [a - rank if self.chance(0.3) else a for a in sorted(axes)]

    # -------------------------------------------------------------- nodes

    def add(self, op_type, inputs, outputs, domain="", **attributes):
        """'outputs' are (dtype, shape, exact, bound); returns their values."""
        values = [Value(self.name(), *output) for output in outputs]
        self.nodes.append(helper.make_node(
            op_type, [v.name if v else "" for v in inputs], [v.name for v in values],
            domain=domain, **attributes))
        self.used.update(v.name for v in inputs if v)
        self.pool += values
        return values[0] if len(values) == 1 else values

    def model(self):
        """What nobody used is an output."""
        made = {name for node in self.nodes for name in node.output}
        outputs = [v for v in self.pool if v.name in made and v.name not in self.used]
        assert outputs
        graph = helper.make_graph(
            self.nodes, "random", self.inputs,
            [helper.make_tensor_value_info(v.name, ONNX[v.dtype], None) for v in outputs],
            self.initializers)
        imports = [helper.make_opsetid("", self.opset), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=imports,
                                 ir_version=8 if self.opset < 21 else 10)
