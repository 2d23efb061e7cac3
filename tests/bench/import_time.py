"""Time and memory of `weights_tool import` for the DDPM CIFAR-10 network (143 MB), beside copying its file.

  import_time.py [--build build] [--rounds 9]

By turns: `import`, and `cp` followed by fsync of the same safetensors file. The weights are random. Prints the median
of each, their ratio and the largest resident set of `import`. Exit code 1 when a program fails, never for a slow result.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def timed(words):
    begin = time.monotonic()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit("failed: " + " ".join(words))
    return time.monotonic() - begin, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    tool = os.path.join(options.build, "weights_tool")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(HERE, "ddpm_cifar10.json")) as file:
            config = json.load(file)
        config["model"]["sinusoid_features"] = config["model"]["base_channels"]
        network, pipeline = os.path.join(folder, "net.json"), os.path.join(folder, "pipeline")
        with open(network, "w") as file:
            json.dump(config, file)
        timed([tool, "export", network, "--untrained", "--diffusers", pipeline])
        weights = os.path.join(pipeline, "unet", "diffusion_pytorch_model.safetensors")
        model, copy = os.path.join(folder, "m.mote"), os.path.join(folder, "copy")
        imports, copies, memory = [], [], 0
        for _ in range(options.rounds):
            seconds, resident = timed([tool, "import", pipeline, "--out", model, "--force"])
            imports.append(seconds)
            memory = max(memory, resident)
            copies.append(timed(["sh", "-c", 'cp "$1" "$2" && sync "$2"', "sh", weights, copy])[0])
        size = os.path.getsize(weights)
        print(f"file {size / 1e6:.1f} MB, import {statistics.median(imports):.3f} s, cp and fsync "
              f"{statistics.median(copies):.3f} s, ratio {statistics.median(imports) / statistics.median(copies):.2f}, "
              f"largest resident set {memory / 1e6:.1f} MB ({memory / size:.2f} of the file)")


if __name__ == "__main__":
    main()
