"""The UNet of weights_tool/graph/unet.h in PyTorch, built from the same configuration, as a fair opponent.

Not used by mote itself. The layers have the names of mote's parameters (with "__" for the dots that modules may not
have), so that load_mote_weights() can put mote's weights in and the outputs can be compared.
"""
import json
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

# mote's sinusoid has 32 features whatever the network (weights_tool/graph/unet.cpp).
SINUSOID_FEATURES = 32


def read_config(path):
    with open(path) as file:
        return json.load(file)


class TimeEmbedding(nn.Module):
    """Sinusoid -> linear -> SiLU -> linear, plus the class, -> SiLU: shared by all blocks."""

    def __init__(self, features, classes, sinusoid):
        super().__init__()
        half = sinusoid // 2
        self.register_buffer("frequencies", torch.exp(-math.log(10000.0) * torch.arange(half) / (half - 1)))
        self.linear1 = nn.Linear(sinusoid, features)
        self.linear2 = nn.Linear(features, features)
        self.table = nn.Embedding(classes + 1, features) if classes else None

    def forward(self, timestep, label):
        angle = timestep[:, None] * self.frequencies
        e = self.linear2(F.silu(self.linear1(torch.cat([angle.sin(), angle.cos()], 1))))
        if self.table is not None:
            e = e + self.table(label)
        return F.silu(e)


class ResidualBlock(nn.Module):
    def __init__(self, config, channels_in, channels_out):
        super().__init__()
        self.scale_shift = config.get("scale_shift", False)
        groups = config["groups"]
        self.norm1 = nn.GroupNorm(groups, channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.time = nn.Linear(config["time_features"], channels_out * (2 if self.scale_shift else 1))
        self.norm2 = nn.GroupNorm(groups, channels_out)
        self.dropout = nn.Dropout(config.get("dropout", 0.0)) if config.get("dropout", 0.0) > 0 else None
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.shortcut = None

    def add_shortcut(self, channels_in, channels_out):
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1)
        return self

    def forward(self, x, e):
        h = self.conv1(F.silu(self.norm1(x)))
        e = self.time(e)[:, :, None, None]
        if self.scale_shift:
            scale, shift = e.chunk(2, 1)
            h = F.silu(self.norm2(h) * (1 + scale) + shift)
        else:
            h = F.silu(self.norm2(h + e))
        if self.dropout is not None:
            h = self.dropout(h)
        return self.conv2(h) + (x if self.shortcut is None else self.shortcut(x))


class AttentionBlock(nn.Module):
    def __init__(self, config, channels):
        super().__init__()
        self.heads = config["heads"]
        self.norm = nn.GroupNorm(config["groups"], channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        self.scale = (channels // self.heads) ** -0.5

    def forward(self, x):
        batch, channels, height, width = x.shape
        size = channels // self.heads
        qkv = self.qkv(self.norm(x)).reshape(batch, 3, self.heads, size, height * width)
        q, k, v = (qkv[:, i].reshape(batch * self.heads, size, height * width) for i in range(3))
        weights = torch.softmax(torch.bmm(q.transpose(1, 2) * self.scale, k), -1)
        h = torch.bmm(v, weights.transpose(1, 2)).reshape(batch, channels, height, width)
        return x + self.out(h)


class UNet(nn.Module):
    """forward(x [N,C,H,W], timestep [N] float, label [N] int64 or None)."""

    def __init__(self, config, sinusoid=SINUSOID_FEATURES):
        super().__init__()
        self.config = config
        level_channels = config.get("level_channels") or [
            config["base_channels"] * m for m in config["multipliers"]]
        levels = len(level_channels)
        blocks = config["blocks"] if isinstance(config["blocks"], list) else [config["blocks"]]
        blocks = blocks * levels if len(blocks) == 1 else blocks
        attention = set(config.get("attention_levels", []))
        self.parts = nn.ModuleDict()
        self.down, self.up = [], []  # ("kind", name of the part or parts)
        self.time = TimeEmbedding(config["time_features"], config.get("classes", 0), sinusoid)

        def residual(name, c_in, c_out, two_inputs=False):
            block = ResidualBlock(config, c_in, c_out)
            if c_in != c_out or two_inputs:
                block.add_shortcut(c_in, c_out)
            self.parts[name] = block
            return name

        def attend(name, channels, wanted):
            if wanted:
                self.parts[name] = AttentionBlock(config, channels)
            return name if wanted else None

        c = level_channels[0]
        self.parts["conv_in"] = nn.Conv2d(config["channels"], c, 3, padding=1)
        skips = [c]
        for level, out in enumerate(level_channels):
            for block in range(blocks[level]):
                name = residual("down__%d__%d" % (level, block), c, out)
                c = out
                self.down.append(("block", name, attend(name + "__attention", c, level in attention)))
                skips.append(c)
            if level + 1 < levels:
                name = "down__%d__downsample" % level
                self.parts[name] = nn.Conv2d(c, c, 3, stride=2, padding=1)
                self.down.append(("resample", name, None))
                skips.append(c)
        residual("middle__0", c, c)
        self.middle_attention = attend("middle__attention", c, config.get("middle_attention", True))
        residual("middle__1", c, c)
        for level in reversed(range(levels)):
            out = level_channels[level]
            for block in range(blocks[level] + 1):
                name = residual("up__%d__%d" % (level, block), c + skips.pop(), out, True)
                c = out
                self.up.append(("block", name, attend(name + "__attention", c, level in attention)))
            if level > 0:
                name = "up__%d__upsample" % level
                after = level_channels[level - 1] if config.get("reduce_on_upsample", True) else c
                self.parts[name] = nn.Conv2d(c, after, 3, padding=1)
                c = after
                self.up.append(("resample", name, None))
        self.parts["norm_out"] = nn.GroupNorm(config["groups"], c)
        self.parts["conv_out"] = nn.Conv2d(c, config["channels"], 3, padding=1)

    def forward(self, x, timestep, label=None):
        e = self.time(timestep, label)
        h = self.parts["conv_in"](x)
        skips = [h]
        for kind, name, attention in self.down:
            h = self.parts[name](h, e) if kind == "block" else self.parts[name](h)
            if attention is not None:
                h = self.parts[attention](h)
            skips.append(h)
        h = self.parts["middle__0"](h, e)
        if self.middle_attention is not None:
            h = self.parts[self.middle_attention](h)
        h = self.parts["middle__1"](h, e)
        for kind, name, attention in self.up:
            if kind == "block":
                h = self.parts[name](torch.cat([h, skips.pop()], 1), e)
                if attention is not None:
                    h = self.parts[attention](h)
            else:
                h = self.parts[name](F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.parts["conv_out"](F.silu(self.parts["norm_out"](h)))


def parameter_count(network):
    """Trained numbers and the frequencies of the sinusoid, as `weights_tool inspect` counts them."""
    return sum(p.numel() for p in network.parameters()) + sum(b.numel() for b in network.buffers())


def mote_name(name):
    """parts.down__0__0.conv1.weight -> down.0.0.conv1.weight"""
    if name.startswith("parts."):
        return name[len("parts."):].replace("__", ".")
    return "class.table" if name == "time.table.weight" else name


def load_mote_weights(network, folder):
    """Puts in what forward_bench --reference wrote; every tensor of both sides must find its partner."""
    with open(folder + "/weights.json") as file:
        entries = json.load(file)
    values = torch.from_numpy(_floats(folder + "/weights.bin"))
    own = {mote_name(k): v for k, v in network.state_dict(keep_vars=True).items()}
    start = 0
    with torch.no_grad():
        for entry in entries:
            shape = entry["shape"]
            count = math.prod(shape)
            tensor = values[start:start + count].reshape(shape)
            start += count
            if len(shape) == 4:  # [O, KH, KW, I] -> [O, I, KH, KW]
                tensor = tensor.permute(0, 3, 1, 2)
            own.pop(entry["name"]).copy_(tensor)
    if own or start != values.numel():
        raise SystemExit("the networks differ: %s, %d of %d numbers used" % (sorted(own), start, values.numel()))


def _floats(path):
    import numpy
    return numpy.fromfile(path, dtype="<f4")


def largest_error(network, folder):
    """Largest difference of the outputs for mote's x and y, relative to the largest output."""
    c = network.config
    x = torch.from_numpy(_floats(folder + "/x.bin")).reshape(1, c["height"], c["width"], c["channels"])
    y = torch.from_numpy(_floats(folder + "/y.bin")).reshape(1, c["height"], c["width"], c["channels"])
    label = torch.tensor([3]) if c.get("classes", 0) > 3 else None
    with torch.no_grad():
        out = network(x.permute(0, 3, 1, 2).contiguous(), torch.tensor([500.0]), label).permute(0, 2, 3, 1)
    return float((out - y).abs().max() / y.abs().max())
