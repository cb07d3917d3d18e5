"""ONNX: graphs that are well-formed bytes and mean what cannot be."""

import proto as p
from case import Case, photo

MIN = -(1 << 63)


def run(name, content, words=None, *args, **more):
    return Case(name, {"m.onnx": content, "a.png": photo()},
                ["-m", "m.onnx", *args, "a.png"], words, **more)


def both(name, nodes, initializers, words=None, code=1, **more):
    """In use, and as nodes that nothing needs: what is wrong with them is an error too."""
    yield run(name, p.used(nodes, initializers, **more), words, code=code)
    yield run(name + "_unused", p.good(initializers, nodes, **more), words, code=code)


# ------------------------------------------------------------------ names and structure


def structure():
    n = p.node
    yield run("unknown_operator", p.used([n("Frobnicate", ["f"], ["h"])]), "Frobnicate", code=2)
    yield run("unknown_operator_unused", p.good(nodes=[n("Frobnicate", ["f"], ["h"])]),
              "Frobnicate", code=2)
    yield run("unknown_domain", p.used([n("Add", ["f", "f"], ["h"], domain="com.example")]),
              "com.example", code=2)
    yield run("no_op_type", p.used([n("", ["f"], ["h"])]), "it has no op_type")
    yield run("unknown_input", p.used([n("Relu", ["nowhere"], ["h"])]), "'nowhere'")
    yield run("cycle", p.used([n("Add", ["f", "h2"], ["h"]), n("Relu", ["h"], ["h2"])]),
              "depends on the node's own output")
    yield run("own_input", p.used([n("Add", ["f", "h"], ["h"])]), "own output")
    yield run("cycle_unused", p.good(nodes=[n("Add", ["f", "b"], ["a"]), n("Relu", ["a"], ["b"])]),
              "own output")
    yield run("output_twice", p.used([n("Relu", ["f"], ["h"]), n("Abs", ["f"], ["h"])]), "'h'")
    yield run("output_of_input", p.used([n("Relu", ["f"], ["h"]), n("Abs", ["f"], ["x"])]), "'x'")
    yield run("initializer_twice", p.good([p.f32("s", [1]), p.f32("s", [1])]), "'s'")
    yield run("initializer_no_name", p.good([p.f32("", [1])]), "name")
    yield run("no_outputs", p.model(p.graph([], [], [p.IMAGE], [])), "no outputs")
    yield run("no_inputs", p.model(p.graph([n("Relu", ["w"], ["logits"])], [p.WEIGHT], [],
                                           [p.LOGITS])), "takes 0 channels", code=2)
    yield run("output_unknown", p.model(p.graph(p.BODY, [], [p.IMAGE], [p.LOGITS])),
              "'logits' is not computed")
    yield run("too_few_inputs", p.used([n("Add", ["f"], ["h"])]), "1 input")
    yield run("too_many_inputs", p.used([n("Relu", ["f", "f"], ["h"])]), "2 inputs")
    yield run("missing_input", p.used([n("Add", ["", "f"], ["h"])]), "input 0")
    yield run("attribute_twice", p.used([p.node("Softmax", ["f"], ["h"], axis=1)
                                         + p.data(5, p.attribute("axis", 1))]), "is there twice")
    yield run("attribute_type", p.used([n("Softmax", ["f"], ["h"], axis="one")]), "axis")
    yield run("image_of_integers", p.model(p.graph([*p.BODY, p.HEAD], [p.WEIGHT], [
        p.value_info("x", ["n", 3, 16, 16], p.INT64)], [p.LOGITS])), "i64")
    yield run("two_images", p.model(p.graph(
        [*p.BODY, p.HEAD], [p.WEIGHT], [p.IMAGE, p.value_info("y", ["n", 3, 8, 8])],
        [p.LOGITS])), "height 8, 16 was asked for")
    yield run("input_rank_9", p.model(p.graph([*p.BODY, p.HEAD], [p.WEIGHT], [
        p.value_info("x", [1] * 9)], [p.LOGITS])), "rank 9", code=2)
    yield run("input_dim_huge", p.model(p.graph([*p.BODY, p.HEAD], [p.WEIGHT], [
        p.value_info("x", ["n", 3, 1 << 40, 1 << 40])], [p.LOGITS])), "m.onnx: ")
    yield run("batch_huge", p.model(p.graph([*p.BODY, p.HEAD], [p.WEIGHT], [
        p.value_info("x", [1 << 40, 3, 16, 16])], [p.LOGITS])), "m.onnx: ")
    yield run("dim_zero", p.model(p.graph([*p.BODY, p.HEAD], [p.WEIGHT], [
        p.value_info("x", ["n", 3, 0, 16])], [p.LOGITS])), "m.onnx: ")


def initializers():
    def bad(name, tensor, words, code=1):
        yield run("init_" + name, p.good([tensor]), words, code=code)

    yield from bad("no_type", p.tensor("s", [1], 0, b"\0" * 4), "it has no type")
    yield from bad("type_99", p.tensor("s", [1], 99, b"\0" * 4), "type 99", code=2)
    yield from bad("type_negative", p.tensor("s", [1], -1, b"\0" * 4), "type -1", code=2)
    yield from bad("string", p.tensor("s", [1], 8, extra=p.data(6, "a")), "STRING", code=2)
    yield from bad("short", p.tensor("s", [2], p.FLOAT, b"\0" * 4), "holds 4 bytes")
    yield from bad("long", p.tensor("s", [1], p.FLOAT, b"\0" * 5), "holds 5 bytes")
    yield from bad("none", p.tensor("s", [1], p.FLOAT), "has no data")
    yield from bad("dim_negative", p.tensor("s", [-1], p.FLOAT, b"\0" * 4), "dimension 0 is -1")
    yield from bad("dim_min", p.tensor("s", [MIN], p.FLOAT, b"\0" * 4), "dimension 0 is -92")
    yield from bad("overflow", p.tensor("s", [1 << 32, 1 << 32], p.FLOAT, b""), "63 bits")
    yield from bad("overflow_bytes", p.tensor("s", [1 << 61], p.DOUBLE, b""), "63 bits")
    yield from bad("zero_overflow", p.tensor("s", [0, 1 << 62, 1 << 62], p.FLOAT, b""), "63 bits")
    yield from bad("two_fields", p.tensor("s", [1], p.FLOAT, b"\0" * 4, p.data(4, b"\0" * 4)),
                   "has raw_data and float_data")
    yield from bad("wrong_field", p.tensor("s", [1], p.FLOAT, extra=p.data(7, b"\1")),
                   "has float_data and int64_data")
    yield from bad("bool_2", p.tensor("s", [1], p.BOOL, b"\2"), "is the byte 2")
    yield from bad("int8_300", p.tensor("s", [1], p.INT8, extra=p.data(5, p.varint(300))), "300")
    yield from bad("half_70000", p.tensor("s", [1], p.HALF, extra=p.data(5, p.varint(70000))),
                   "70000")
    yield from bad("location_7", p.tensor("s", [1], p.FLOAT, b"\0" * 4, p.number(14, 7)),
                   "data_location 7")
    yield from bad("rank_9", p.tensor("s", [1] * 9, p.FLOAT, b"\0" * 4), "rank 9", code=2)
    for what, value in (("nan", float("nan")), ("inf", float("inf"))):
        weight = p.f32("w", [3, 5], [value] * 15)
        yield run(f"{what}_in_linear", p.good(weight=weight), ["w", "NaN or infinite"])
    kernel = p.f32("k", [4, 3, 1, 1], [float("inf")] * 12)
    yield run("inf_in_conv", p.used([p.node("Conv", ["x", "k"], ["h"])], [kernel]),
              ["k", "NaN or infinite"])
    yield run("nan_in_norm", p.used([p.node("LayerNormalization", ["f", "s"], ["h"])],
                                    [p.f32("s", [3], [float("nan")] * 3)]),
              ["s", "NaN or infinite"])


# ------------------------------------------------------------------ shapes


def products():
    n = p.node
    yield from both("k_mismatch", [n("MatMul", ["f", "m"], ["h"])], [p.f32("m", [4, 2])],
                    ["n_MatMul", "3", "4"])
    yield from both("gemm_mismatch", [n("Gemm", ["f", "m"], ["h"], transB=1)],
                    [p.f32("m", [2, 4])], "n_Gemm")
    yield from both("matmul_scalar", [n("MatMul", ["f", "m"], ["h"])], [p.f32("m", [])], "n_MatMul")
    yield from both("no_broadcast", [n("Add", ["f", "m"], ["h"])], [p.f32("m", [4])],
                    "do not broadcast")
    yield from both("conv_channels", [n("Conv", ["x", "k"], ["h"])], [p.f32("k", [2, 4, 1, 1])],
                    "n_Conv")
    yield from both("conv_too_large", [n("Conv", ["x", "k"], ["h"])], [p.f32("k", [2, 3, 17, 1])],
                    "n_Conv")
    yield from both("conv_kernel_0", [n("Conv", ["x", "k"], ["h"])], [p.f32("k", [2, 3, 0, 1])],
                    "a kernel of size 0", 2)
    yield from both("conv_stride_0", [n("Conv", ["x", "k"], ["h"], strides=[0, 1])],
                    [p.f32("k", [2, 3, 1, 1])], "strides")
    yield from both("conv_dilation_0", [n("Conv", ["x", "k"], ["h"], dilations=[0, 1])],
                    [p.f32("k", [2, 3, 1, 1])], "dilations")
    yield from both("conv_pads_huge", [n("Conv", ["x", "k"], ["h"], pads=[1 << 62] * 4)],
                    [p.f32("k", [2, 3, 1, 1])], "n_Conv")
    yield from both("conv_pads_negative", [n("Conv", ["x", "k"], ["h"], pads=[-9] * 4)],
                    [p.f32("k", [2, 3, 1, 1])], "pads -9", 2)
    yield from both("conv_group_0", [n("Conv", ["x", "k"], ["h"], group=0)],
                    [p.f32("k", [2, 3, 1, 1])], "group")
    yield from both("conv_groups", [n("Conv", ["x", "k"], ["h"], group=2)],
                    [p.f32("k", [2, 3, 1, 1])], "n_Conv")
    yield from both("pool_stride_0", [n("AveragePool", ["x"], ["h"], kernel_shape=[2, 2],
                                        strides=[0, 0])], [], "strides")
    yield from both("pool_too_large", [n("AveragePool", ["x"], ["h"], kernel_shape=[99, 2])], [],
                    "n_AveragePool")
    yield from both("pool_negative", [n("AveragePool", ["x"], ["h"], kernel_shape=[-1, 2])], [],
                    "kernel_shape -1", 2)
    yield from both("norm_axis", [n("LayerNormalization", ["f", "s"], ["h"], axis=5)],
                    [p.f32("s", [3])], "axis")
    yield from both("norm_scale", [n("LayerNormalization", ["f", "s"], ["h"])],
                    [p.f32("s", [4])], "n_LayerNormalization")
    yield from both("softmax_axis", [n("Softmax", ["f"], ["h"], axis=-3)], [], "axis")
    yield from both("reduce_axis", [n("ReduceSum", ["f", "a"], ["h"])], [p.i64("a", [2])], "axis")
    yield from both("add_types", [n("Add", ["f", "i"], ["h"])], [p.i64("i", [1])], "n_Add")


def reshapes():
    n = p.node

    def at(name, op, shape, words, of="f", code=1, **attributes):
        yield from both(name, [n(op, [of, "s"], ["h"], **attributes)], [p.i64("s", shape)], words,
                        code)

    yield from at("reshape_two_minus", "Reshape", [-1, -1], "-1")
    yield from at("reshape_minus_2", "Reshape", [-2, 3], "-2")
    yield from at("reshape_count", "Reshape", [7, 5], "n_Reshape")
    yield from at("reshape_rank_9", "Reshape", [1] * 8 + [-1], "n_Reshape", code=1)
    yield from at("reshape_overflow", "Reshape", [1 << 62, 1 << 62, 0], "n_Reshape")
    yield from at("reshape_copy_beyond", "Reshape", [0, 0, 0, 1], "n_Reshape")
    yield from at("expand_negative", "Expand", [-5], "n_Expand")
    yield from at("expand_mismatch", "Expand", [2, 5], "n_Expand")
    yield from at("expand_huge", "Expand", [1 << 40, 1, 1], "n_Expand", of="w")
    yield from at("expand_overflow", "Expand", [1 << 62, 1 << 62, 1, 1], "n_Expand", of="w")
    yield from at("tile_negative", "Tile", [1, -1], "n_Tile")
    yield from at("tile_huge", "Tile", [1 << 40, 1 << 40], "n_Tile", of="w")
    yield from at("tile_rank", "Tile", [1, 1, 1], "n_Tile")
    yield from at("constant_of_huge", "ConstantOfShape", [1 << 40], "n_ConstantOfShape", of="s")
    yield from at("unsqueeze_twice", "Unsqueeze", [0, 0], "n_Unsqueeze")
    yield from at("unsqueeze_far", "Unsqueeze", [9], "n_Unsqueeze")
    yield from at("squeeze_3", "Squeeze", [1], "n_Squeeze")
    yield from at("gather_beyond", "Gather", [3], "n_Gather", axis=1)
    yield from at("gather_min", "Gather", [MIN], "n_Gather", axis=1)
    yield from at("gather_axis", "Gather", [0], "axis", axis=7)
    yield from at("pad_short", "Pad", [1, 1, 1], "n_Pad")
    yield from at("pad_huge", "Pad", [0, 1 << 40, 0, 0], "n_Pad", of="w")
    yield from at("pad_max", "Pad", [0, (1 << 63) - 1, 0, (1 << 63) - 1], "n_Pad", of="w")
    yield from at("pad_negative", "Pad", [0, -9, 0, 0], "n_Pad")
    yield from at("split_sum", "Split", [1, 1], "n_Split", axis=1)
    yield from at("split_negative", "Split", [5, -2], "n_Split", axis=1)


def sequences():
    n, f, i = p.node, p.f32, p.i64
    three = ["a", "b", "c"]

    def scalars(*values):
        return [i(name, [v], []) for name, v in zip(three, values)]

    yield from both("range_delta_0", [n("Range", three, ["h"])], scalars(0, 9, 0), "n_Range")
    yield from both("range_huge", [n("Range", three, ["h"])], scalars(0, 1 << 40, 1), "n_Range")
    yield from both("range_overflow", [n("Range", three, ["h"])],
                    scalars(MIN, (1 << 63) - 1, 1), "n_Range")
    yield from both("range_floats_nan", [n("Range", three, ["h"])],
                    [f("a", [], [0.0]), f("b", [], [float("nan")]), f("c", [], [1.0])], "n_Range")
    yield from both("slice_step_0", [n("Slice", ["f", "a", "b", "c", "d"], ["h"])],
                    [i("a", [0]), i("b", [2]), i("c", [1]), i("d", [0])], "step")
    yield from both("slice_axes_twice", [n("Slice", ["f", "a", "b", "c"], ["h"])],
                    [i("a", [0, 0]), i("b", [2, 2]), i("c", [1, 1])], "n_Slice")
    yield from both("slice_lengths", [n("Slice", ["f", "a", "b"], ["h"])],
                    [i("a", [0]), i("b", [2, 2])], "n_Slice")
    yield from both("resize_scale_0", [n("Resize", ["x", "", "s"], ["h"])],
                    [f("s", [4], [1.0, 1.0, 0.0, 1.0])], "n_Resize")
    yield from both("resize_scale_nan", [n("Resize", ["x", "", "s"], ["h"])],
                    [f("s", [4], [1.0, 1.0, float("nan"), 1.0])], "n_Resize")
    yield from both("resize_scale_huge", [n("Resize", ["x", "", "s"], ["h"])],
                    [f("s", [4], [1.0, 1.0, 1e30, 1.0])], "n_Resize")
    yield from both("resize_size_negative", [n("Resize", ["x", "", "", "s"], ["h"])],
                    [i("s", [1, 3, -4, 4])], "n_Resize")
    yield from both("resize_rank", [n("Resize", ["x", "", "s"], ["h"])], [f("s", [2], [1.0, 1.0])],
                    "n_Resize")
    yield from both("transpose_perm", [n("Transpose", ["f"], ["h"], perm=[0, 0])], [],
                    "listed twice")
    yield from both("transpose_far", [n("Transpose", ["f"], ["h"], perm=[0, 2])], [], "axis 2 of 2")
    yield from both("concat_mismatch", [n("Concat", ["x", "m"], ["h"], axis=1)],
                    [f("m", [1, 3, 4, 4])], "n_Concat")
    yield from both("concat_axis", [n("Concat", ["f", "f"], ["h"], axis=2)], [], "axis")
    yield from both("flatten_axis", [n("Flatten", ["f"], ["h"], axis=3)], [], "axis")
    yield from both("constant_none", [n("Constant", [], ["h"])], [], "n_Constant")
    yield from both("constant_bad", [n("Constant", [], ["h"], value=p.tensor(
        "", [2], p.FLOAT, b"\0" * 4))], [], "holds 4 bytes")
    yield from both("if_no_branch", [n("If", ["c"], ["h"])],
                    [p.tensor("c", [], p.BOOL, b"\1")], "branch")
    data_dependent = [n("Cast", ["f"], ["fi"], to=p.INT64),
                      n("ReduceMax", ["fi"], ["fm"], keepdims=0),
                      n("Unsqueeze", ["fm", "z"], ["fs"]), n("ConstantOfShape", ["fs"], ["h"])]
    yield run("shape_of_run", p.used(data_dependent, [i("z", [0])]),
              "depends on values of the run", code=2)
    yield run("shape_of_run_unused", p.good([i("z", [0])], data_dependent))


# ------------------------------------------------------------------ arithmetic and size


def arithmetic():
    n, i = p.node, p.i64
    for op in ("Div", "Mod"):
        yield run(f"{op.lower()}_by_zero".lower(), p.used([n(op, ["a", "b"], ["h"])],
                                                          [i("a", [7]), i("b", [0])]))
        yield run(f"{op.lower()}_min_by_minus_1", p.used([n(op, ["a", "b"], ["h"])],
                                                         [i("a", [MIN]), i("b", [-1])]))
    yield run("abs_min", p.used([n("Abs", ["a"], ["h"])], [i("a", [MIN])]))
    yield run("neg_min", p.used([n("Neg", ["a"], ["h"])], [i("a", [MIN])]))
    yield run("sum_overflow", p.used([n("Add", ["a", "a"], ["h"])], [i("a", [MIN])]))
    yield run("product_overflow", p.used([n("Mul", ["a", "a"], ["h"])], [i("a", [MIN + 5])]))
    yield run("pow_overflow", p.used([n("Pow", ["a", "a"], ["h"])], [i("a", [99])]))
    yield run("cast_of_1e30", p.used([n("Cast", ["a"], ["h"], to=p.INT64)],
                                     [p.f32("a", [1], [1e30])]))
    yield run("shape_by_div_zero", p.used([
        n("Div", ["a", "b"], ["s"]), n("Expand", ["w", "s"], ["h"])],
        [i("a", [7]), i("b", [0])]), ["m.onnx: "])
    yield run("answer_inf", p.used([n("Exp", ["a"], ["h"])], [p.f32("a", [1], [1000.0])]),
              "NaN or infinite")
    yield run("answer_nan", p.used([n("Log", ["a"], ["h"])], [p.f32("a", [1], [-1.0])]),
              "NaN or infinite")
    yield run("answer_of_run", p.used([n("Mul", ["f", "a"], ["m"]), n("Exp", ["m"], ["h"])],
                                      [p.f32("a", [1], [1e30])]), "finite")


def sizes():
    n, i = p.node, p.i64
    yield run("arena_huge", p.used([n("Resize", ["x", "", "", "s"], ["h"])],
                                   [i("s", [1, 3, 20000, 20000])]), "beyond the weights")
    yield run("folded_huge", p.used([n("ConstantOfShape", ["s"], ["h"])],
                                    [i("s", [1000000000])]), "beyond the weights")
    yield run("folded_many", p.used(
        [n("ConstantOfShape", ["s"], [f"c{k}"]) for k in range(40)]
        + [n("Concat", [f"c{k}" for k in range(40)], ["h"], axis=0)],
        [i("s", [10000000])]), "beyond the weights")
    yield run("tile_chain", p.used(
        [n("Tile", ["s", "r"], ["t0"])]
        + [n("Tile", [f"t{k}", "r"], [f"t{k + 1}"]) for k in range(8)]
        + [n("Identity", ["t8"], ["h"])], [i("s", [1]), i("r", [100])]), "m.onnx: ")
    yield run("small_limit", p.used([n("Resize", ["x", "", "", "s"], ["h"])],
                                    [i("s", [1, 3, 500, 500])]), "1000000 bytes",
              "--max-memory", "1M")
    yield run("nodes_20000", p.used(
        [n("Relu", ["f"], ["r0"])] + [n("Relu", [f"r{k}"], [f"r{k + 1}"]) for k in range(19000)]
        + [n("Identity", ["r19000"], ["h"])]))
    yield run("nodes_20000_wide", p.used(
        [n("Add", ["f", "f"], [f"r{k}"]) for k in range(9900)]
        + [n("Add", ["f", f"r{k}"], [f"q{k}"]) for k in range(9900)]
        + [n("Sum", [f"q{k}" for k in range(9900)], ["h"])]))
    yield run("constants_20000", p.used(
        [n("Constant", [], [f"c{k}"], value_int=k) for k in range(19000)]
        + [n("Identity", ["c18999"], ["h"])]))
    yield run("shapes_20000", p.used(
        [n("Shape", ["f"], ["r0"])]
        + [n("Add", [f"r{k}", "o"], [f"r{k + 1}"]) for k in range(19000)]
        + [n("Identity", ["r19000"], ["h"])], [i("o", [1])]))
    yield run("initializers_100000", p.good([i(f"i{k}", [k]) for k in range(100000)]))
    yield run("linears_9000", p.used(
        [n("MatMul", ["f", "m"], ["r0"])]
        + [n("MatMul", [f"r{k}", "m"], [f"r{k + 1}"]) for k in range(9000)]
        + [n("Identity", ["r9000"], ["h"])], [p.f32("m", [3, 3])]))
    yield run("functions_nested", p.model(p.graph(
        [*p.BODY, n("F30", ["f"], ["h"], domain="d"), p.HEAD], [p.WEIGHT], [p.IMAGE], [p.LOGITS]),
        domains=[("d", 1)], extra=b"".join(p.data(25, function(k)) for k in range(31))),
        "nodes, at most 20000")
    yield run("function_calls_itself", p.model(p.graph(
        [*p.BODY, n("F", ["f"], ["h"], domain="d"), p.HEAD], [p.WEIGHT], [p.IMAGE], [p.LOGITS]),
        domains=[("d", 1)], extra=p.data(25, p.data(1, "F") + p.data(4, "a") + p.data(5, "b")
                                         + p.data(7, n("F", ["a"], ["b"], domain="d"))
                                         + p.data(10, "d"))), "calls itself")


def function(k):
    """Fk calls Fk-1 twice: 2 to the k nodes in all."""
    body = [p.node("Relu", ["a"], ["b"])] if k == 0 else [
        p.node(f"F{k - 1}", ["a"], ["m"], domain="d"),
        p.node(f"F{k - 1}", ["m"], ["b"], domain="d")]
    return (p.data(1, f"F{k}") + p.data(4, "a") + p.data(5, "b")
            + b"".join(p.data(7, n) for n in body) + p.data(9, p.number(2, 17))
            + p.data(9, p.data(1, "d") + p.number(2, 1)) + p.data(10, "d"))


def accepted():
    n, f, i = p.node, p.f32, p.i64
    yield run("good", p.good())
    yield run("unused_node", p.good(nodes=[n("Relu", ["f"], ["r"])]))
    yield run("unused_initializer", p.good([f("s", [2, 2])]))
    yield run("unused_nan", p.good([f("s", [1], [float("nan")])]))
    yield run("nodes_in_any_order", p.model(p.graph([p.HEAD, *reversed(p.BODY)], [p.WEIGHT],
                                                    [p.IMAGE], [p.LOGITS])))
    yield run("mask_of_inf", p.used([n("Add", ["f", "s"], ["a"]), n("Softmax", ["a"], ["h"])],
                                    [f("s", [3], [0.0, float("-inf"), 0.0])]))
    yield run("nan_on_purpose", p.used([n("Mul", ["f", "s"], ["h0"]),
                                       n("Max", ["h0", "h0"], ["h"])],
                                       [f("s", [3], [0.0] * 3)]))
    yield run("empty_initializer", p.good([f("s", [0])]))
    yield run("empty_concat", p.used([n("Concat", ["f", "s"], ["h"], axis=1)], [f("s", [1, 0])],
                                     ))
    yield run("reshape_minus_1", p.used([n("Reshape", ["f", "s"], ["h"])], [i("s", [-1, 3])]))
    yield run("slice_to_max", p.used([n("Slice", ["f", "a", "b", "c"], ["h"])],
                                     [i("a", [0]), i("b", [(1 << 63) - 1]), i("c", [1])]))
    yield run("slice_from_min", p.used([n("Slice", ["f", "a", "b", "c", "d"], ["h"])],
                                       [i("a", [-1]), i("b", [MIN]), i("c", [1]), i("d", [-1])]))
    yield run("gather_from_end", p.used([n("Gather", ["f", "s"], ["h"], axis=1)], [i("s", [-3])]))
    yield run("pad_crops", p.used([n("Pad", ["x", "s"], ["h"])],
                                  [i("s", [0, 0, -1, -1, 0, 0, -1, -1])]))
    yield run("allowed_nonfinite", p.used([n("Mul", ["f", "s"], ["a"]), n("IsNaN", ["a"], ["h"])],
                                          [f("s", [3], [float("nan")] * 3)]), None,
              "--allow-nonfinite")
    yield run("odd_names", p.used([n("Relu", ["f"], ["\u202e\n\t"]),
                                   n("Abs", ["\u202e\n\t"], ["h"])]))
    yield run("dropout", p.used([n("Dropout", ["f"], ["h"])]))
    yield run("limit_raised", p.used([n("Resize", ["x", "", "", "s"], ["h"])],
                                     [i("s", [1, 3, 1500, 1500])]), None, "--max-memory", "1G")


def cases():
    yield from structure()
    yield from initializers()
    yield from products()
    yield from reshapes()
    yield from sequences()
    yield from arithmetic()
    yield from sizes()
    yield from accepted()
