"""Writes one of mote's UNets as ONNX, in float32 and quantized, as a fair opponent for mote's int8. Random weights.

  onnx_export.py CONFIG.json OUT_PREFIX      writes OUT_PREFIX.{f32,u8s8,s8s8,call}.onnx, prints one JSON line

What depends on the time step and the class only is a constant, as in mote's quantized models. Quantized: every
convolution (attention's projections are 1 x 1 convolutions), its input and output in 8 bits for each tensor, weights
in 8 bits for each output channel, the bias in 32 bits; as QuantizeLinear and DequantizeLinear around it, which ONNX
Runtime joins to one integer convolution. Ranges are the smallest and largest values of one random picture.
  u8s8  activations 0..255 with zero point, weights -64..64: its u8 x s8 kernels for AVX2 would overflow with more
  s8s8  activations -127..127 without zero point, weights -127..127
  call  gives its input back, so that what a call costs by itself can be measured
"""
import argparse
import json
import warnings

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from onnx import helper

from torch_unet import UNet, read_config

warnings.filterwarnings("ignore")
OPSET = 13


class AtOneStep(torch.nn.Module):
    """The network at one time step and class: what its time layers say is computed here, once."""

    def __init__(self, network, timestep, label):
        super().__init__()
        self.network = network
        with torch.no_grad():
            e = network.time(timestep, label)
            for block in network.modules():
                if isinstance(getattr(block, "time", None), torch.nn.Linear):
                    block.time = Constant(block.time(e))
        network.time = Constant(e)

    def forward(self, x):
        return self.network(x, None)


class Constant(torch.nn.Module):
    def __init__(self, value):
        super().__init__()
        self.register_buffer("value", value)

    def forward(self, *_):
        return self.value


def randomise(network):
    """PyTorch's own initialisation leaves nothing at zero; the norms get values as after some training."""
    for module in network.modules():
        if isinstance(module, torch.nn.GroupNorm):
            torch.nn.init.normal_(module.weight, 1.0, 0.1)
            torch.nn.init.normal_(module.bias, 0.0, 0.1)


def observe(network, x):
    """Runs the network. Returns its output, and of each convolution in running order the range of input and output, and
    the multiply-accumulates of all; attention's two products counted too."""
    ranges, macs = [], [0]

    def saw_convolution(module, inputs, output):
        ranges.append([float(v) for t in (inputs[0], output) for v in (t.min(), t.max())])
        macs[0] += output[0, 0].numel() * module.weight.numel()

    def saw_attention(_, inputs, __):
        channels, tokens = inputs[0].shape[1], inputs[0][0, 0].numel()
        macs[0] += 2 * tokens * tokens * channels

    hooks = []
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            hooks.append(module.register_forward_hook(saw_convolution))
        elif hasattr(module, "qkv"):
            hooks.append(module.register_forward_hook(saw_attention))
    with torch.no_grad():
        y = network(x)
    for hook in hooks:
        hook.remove()
    return y, ranges, macs[0]


class Quantizer:
    """Puts the pairs of QuantizeLinear and DequantizeLinear into a float model."""

    def __init__(self, model, signed):
        self.graph = model.graph
        self.signed = signed
        self.largest_weight = 127 if signed else 64
        self.values = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
        self.nodes, self.quantized = [], {}

    def constant(self, name, array):
        self.values[name] = array
        return name

    def activation(self, name, low, high, result):
        """Nodes that take `name` to 8 bits and back, as `result`. Returns the scale."""
        low, high = min(low, 0.0), max(high, 0.0)
        if self.signed:
            scale, zero = np.float32(max(-low, high, 1e-6) / 127), np.int8(0)
        else:
            scale = np.float32(max(high - low, 1e-6) / 255)
            zero = np.uint8(round(-low / float(scale)))
        pair = [self.constant(result + ".scale", scale), self.constant(result + ".zero", zero)]
        self.nodes.append(helper.make_node("QuantizeLinear", [name] + pair, [result + ".codes"]))
        self.nodes.append(helper.make_node("DequantizeLinear", [result + ".codes"] + pair, [result]))
        return scale

    def stored(self, name, codes, scale):
        """A constant kept as codes, one scale for each of the first dimension."""
        names = [self.constant(name + ".codes", codes), self.constant(name + ".scale", scale),
                 self.constant(name + ".zero", np.zeros(scale.shape, codes.dtype))]
        self.nodes.append(helper.make_node("DequantizeLinear", names, [name + ".real"], axis=0))
        return name + ".real"

    def convolution(self, node, ranges):
        source, weights, bias = node.input
        if source not in self.quantized:  # a tensor that two convolutions read is quantized once
            self.quantized[source] = self.activation(source, ranges[0], ranges[1], source + ".in")
        scale = self.quantized[source]
        w = self.values[weights]
        w_scale = np.maximum(np.abs(w).reshape(len(w), -1).max(1) / self.largest_weight, 1e-8).astype(np.float32)
        codes = np.rint(w / w_scale.reshape(-1, 1, 1, 1)).astype(np.int8)
        bias_scale = w_scale * scale
        bias_codes = np.rint(self.values[bias] / bias_scale).astype(np.int32)
        made = helper.make_node("Conv", [source + ".in", self.stored(weights, codes, w_scale),
                                         self.stored(bias, bias_codes, bias_scale)], [node.output[0] + ".out"])
        made.attribute.extend(node.attribute)
        self.nodes.append(made)
        self.activation(node.output[0] + ".out", ranges[2], ranges[3], node.output[0])

    def finish(self):
        used = {name for node in self.nodes for name in node.input}
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(self.nodes)
        self.graph.initializer.extend(
            onnx.numpy_helper.from_array(np.asarray(value), name)
            for name, value in self.values.items() if name in used)


def quantize(path, signed, ranges):
    model = onnx.load(path)
    quantizer = Quantizer(model, signed)
    left = list(ranges)
    for node in list(model.graph.node):
        if node.op_type == "Conv":
            quantizer.convolution(node, left.pop(0))
        else:
            quantizer.nodes.append(node)
    assert not left, "the exporter left convolutions out"
    quantizer.finish()
    onnx.checker.check_model(model)
    return model


def write_call(path, shape):
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "call", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    onnx.save(model, path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("prefix")
    args = parser.parse_args()
    torch.manual_seed(0)
    config = read_config(args.config)["model"]
    network = UNet(config).eval()
    randomise(network)
    parameters = sum(p.numel() for p in network.parameters())
    label = torch.tensor([3]) if config.get("classes", 0) > 3 else None
    network = AtOneStep(network, torch.tensor([500.0]), label).eval()
    x = torch.randn(1, config["channels"], config["height"], config["width"])
    y, ranges, macs = observe(network, x)
    float_path = args.prefix + ".f32.onnx"
    torch.onnx.export(network, (x,), float_path, opset_version=OPSET, input_names=["x"], output_names=["y"],
                      do_constant_folding=True)
    for name, signed in (("u8s8", False), ("s8s8", True)):
        onnx.save(quantize(float_path, signed, ranges), "%s.%s.onnx" % (args.prefix, name))
    write_call(args.prefix + ".call.onnx", list(x.shape))
    x.numpy().tofile(args.prefix + ".x.bin")
    y.numpy().tofile(args.prefix + ".y.bin")
    print(json.dumps({"macs": macs, "parameters": parameters, "convolutions": len(ranges), "shape": list(x.shape)}))


if __name__ == "__main__":
    main()
