"""Changes of ONNX models: some mean nothing, others put one strange node into a transformer.

All of them change the model that they are given.
"""

import numpy as np
from onnx import AttributeProto, helper, numpy_helper

# ------------------------------------------------------------------ what means nothing


def subgraphs(node):
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g


def names_needed(node):
    """The values that a node reads, its subgraphs too."""
    needed = {name for name in node.input if name}
    for graph in subgraphs(node):
        own = {tensor.name for tensor in graph.initializer}
        for inner in graph.node:
            needed |= names_needed(inner) - own
            own |= set(inner.output)
        needed |= {output.name for output in graph.output} - own
    return needed


def shuffle(nodes, draw):
    """A random order in which each node stands behind those whose outputs it reads."""
    producer = {name: i for i, node in enumerate(nodes) for name in node.output if name}
    waits = [{producer[n] for n in names_needed(node) if n in producer} for node in nodes]
    followers = [[] for _ in nodes]
    for i, before in enumerate(waits):
        for k in before:
            followers[k].append(i)
    ready = [i for i, before in enumerate(waits) if not before]
    order = []
    while ready:
        i = ready.pop(draw.randrange(len(ready)))
        order.append(nodes[i])
        for k in followers[i]:
            waits[k].remove(i)
            if not waits[k]:
                ready.append(k)
    assert len(order) == len(nodes)
    replacement = [type(node).FromString(node.SerializeToString()) for node in order]
    del nodes[:]
    nodes.extend(replacement)


def shuffle_model(model, draw):
    for graph in (model.graph, *model.functions):
        shuffle(graph.node, draw)
    tensors = list(model.graph.initializer)
    draw.shuffle(tensors)
    tensors = [type(t).FromString(t.SerializeToString()) for t in tensors]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)


class Names:
    """New names, in an order that has nothing to do with the old ones."""

    def __init__(self, draw):
        self.draw, self.new, self.used = draw, {}, set()

    def __call__(self, name):
        if name and name not in self.new:
            number = self.draw.randrange(10 ** 9)
            while number in self.used:
                number = self.draw.randrange(10 ** 9)
            self.used.add(number)
            self.new[name] = f"v{number}"
        return self.new.get(name, "")


def rename_nodes(nodes, names):
    for node in nodes:
        node.name = ""
        node.doc_string = ""
        del node.metadata_props[:]
        node.input[:] = [names(name) for name in node.input]
        node.output[:] = [names(name) for name in node.output]
        for graph in subgraphs(node):
            rename_graph(graph, names)


def rename_graph(graph, names):
    graph.name, graph.doc_string = "g", ""
    del graph.value_info[:]
    del graph.metadata_props[:]
    for thing in (*graph.initializer, *graph.input, *graph.output):
        thing.name, thing.doc_string = names(thing.name), ""
    for port in (*graph.input, *graph.output):
        for dim in port.type.tensor_type.shape.dim:
            if dim.HasField("dim_param"):
                dim.ClearField("dim_param")
    rename_nodes(graph.node, names)


def strip_names(model, draw):
    """Nodes lose their names, values get meaningless ones, and nothing says who wrote the file."""
    for field in ("producer_name", "producer_version", "doc_string", "domain"):
        model.ClearField(field)
    del model.metadata_props[:]
    rename_graph(model.graph, Names(draw))
    for function in model.functions:
        names = Names(draw)
        function.doc_string = ""
        del function.value_info[:]
        function.input[:] = [names(name) for name in function.input]
        function.output[:] = [names(name) for name in function.output]
        rename_nodes(function.node, names)


# ------------------------------------------------------------------ strange nodes
# Each of these returns whether the model has a place for it.


def from_input(model):
    """The values that depend on the model's first input."""
    found = {model.graph.input[0].name}
    for node in model.graph.node:  # exporters write them in order
        if node.op_type not in ("Shape", "Size") and found & names_needed(node):
            found.update(node.output)
    return found


def residual_sums(model):
    """Nodes that add two computed values, and whose sum is a term of another such node or was."""
    computed = from_input(model)
    sums = [node for node in model.graph.node
            if node.op_type == "Add" and all(name in computed for name in node.input)]
    by_output = {node.output[0]: node for node in sums}
    for node in sums:
        stream = [name for name in node.input if name in by_output]
        if len(stream) == 1:
            yield by_output[stream[0]], node


def some_sum(model, place):
    """(a residual sum, the next one), or None; any number is a place."""
    pairs = list(residual_sums(model))
    return pairs[place % len(pairs)] if pairs else None


def insert_behind(model, node, *new):
    """Puts nodes behind one; the last of them takes over its output's name and all its uses."""
    name = node.output[0]
    node.output[0] = name + "/before"
    new[-1].output[0] = name
    at = list(model.graph.node).index(node) + 1
    for i, extra in enumerate(new):
        model.graph.node.insert(at + i, extra)


def constant(model, value, name):
    model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), name))
    if model.ir_version < 4:  # then an initializer is an input, too
        model.graph.input.append(helper.make_tensor_value_info(name, 1, np.shape(value)))
    return name


def scale_residual(model, place):
    pair = some_sum(model, place)
    if pair:
        name = pair[0].output[0] + "/before"
        insert_behind(model, pair[0],
                      helper.make_node("Mul", [name, constant(model, 1.5, "strange")], [""]))
    return pair is not None


def relu_residual(model, place):
    pair = some_sum(model, place)
    if pair:
        insert_behind(model, pair[0],
                      helper.make_node("Relu", [pair[0].output[0] + "/before"], [""]))
    return pair is not None


def tanh_branch(model, place):
    """Between a branch and the sum that takes it back into the stream."""
    pair = some_sum(model, place)
    if pair:
        stream, node = pair[0].output[0], pair[1]
        slot = 1 if node.input[0] == stream else 0
        at = list(model.graph.node).index(node)
        tanh = helper.make_node("Tanh", [node.input[slot]], ["strange"])
        node.input[slot] = "strange"
        model.graph.node.insert(at, tanh)
    return pair is not None


def stored_tensors(model):
    """(name, tensor) of initializers and Constants."""
    for tensor in model.graph.initializer:
        yield tensor.name, tensor
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            yield node.output[0], node.attribute[0].t


def scalars(model):
    """{name: value} of the constants of one f32."""
    return {name: float(numpy_helper.to_array(tensor).item())
            for name, tensor in stored_tensors(model)
            if tensor.data_type == 1 and np.prod(tensor.dims) == 1}


def other_epsilon(model, place):
    """A LayerNorm, as an operator or written out, gets an epsilon that is seen."""
    norms, known = [], scalars(model)
    for node in model.graph.node:
        if node.op_type in ("LayerNormalization", "SkipLayerNormalization"):
            norms.append((node, None))
        elif node.op_type == "Add":
            for slot, name in enumerate(node.input):
                if 0 < known.get(name, 0) < 1e-3:
                    norms.append((node, slot))
    if not norms:
        return False
    node, slot = norms[place % len(norms)]
    if slot is not None:
        node.input[slot] = constant(model, 0.05, "strange")
        return True
    for attribute in list(node.attribute):
        if attribute.name == "epsilon":
            node.attribute.remove(attribute)
    node.attribute.append(helper.make_attribute("epsilon", 0.05))
    return True
