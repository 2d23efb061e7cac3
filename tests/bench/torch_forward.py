"""Times one network's forward pass in PyTorch: batch 1. Prints one JSON line: {"ms": [...], "parameters": n, ...}.

  torch_forward.py CONFIG.json --variant eager|channels_last|jit [--threads 1] [--seconds 2] [--sinusoid 32]
  torch_forward.py CONFIG.json --reference DIR      compares with the output that forward_bench --reference wrote

Run by compare.py, in a process of its own for each measurement.
"""
import argparse
import json
import time
import warnings

warnings.filterwarnings("ignore")
import torch  # noqa: E402

from torch_unet import SINUSOID_FEATURES, UNet, largest_error, load_mote_weights, parameter_count, read_config  # noqa: E402

VARIANTS = ["eager", "channels_last", "jit"]


def prepare(network, inputs, variant):
    if variant == "channels_last":
        network = network.to(memory_format=torch.channels_last)
        inputs = (inputs[0].to(memory_format=torch.channels_last),) + inputs[1:]
    if variant == "jit":
        network = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(network, inputs)))
    return network, inputs


def measure(network, inputs, seconds):
    run = lambda: network(*inputs)  # noqa: E731
    start = time.perf_counter()
    warm = 0
    while warm < 3 or time.perf_counter() - start < 0.3:
        run()
        warm += 1
    ms = []
    start = time.perf_counter()
    while len(ms) < 7 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        run()
        ms.append((time.perf_counter() - before) * 1e3)
    return ms


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--variant", choices=VARIANTS, default="eager")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--sinusoid", type=int, default=SINUSOID_FEATURES)
    parser.add_argument("--reference")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    config = read_config(args.config)["model"]
    network = UNet(config, args.sinusoid).eval()
    result = {"parameters": parameter_count(network), "torch": torch.__version__}
    if args.reference:
        load_mote_weights(network, args.reference)
        result["largest_error"] = largest_error(network, args.reference)
    else:
        x = torch.randn(1, config["channels"], config["height"], config["width"])
        inputs = (x, torch.tensor([500.0]))
        if config.get("classes", 0):
            inputs += (torch.tensor([3]),)
        # Inference mode where it works: traced modules need ordinary tensors.
        with torch.inference_mode(args.variant != "jit"), torch.no_grad():
            network, inputs = prepare(network, inputs, args.variant)
            result["ms"] = measure(network, inputs, args.seconds)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
