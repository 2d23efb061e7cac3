"""Quality of the shipped model in float and int8, by number of steps and kind of activation scales: what QUALITY.md shows.

    python3 tests/bench/quality.py --tool build/weights_tool --work build/quality > table.md

Each float model is measured once for each number of steps and each int8 model once for each kind of scales, three runs of
10,000 pictures, the same seeds for all. Results are kept in --work as JSON, one file a measurement, so that a second call
goes on where one was stopped. About an hour on two cores.
"""
import argparse
import json
import os
import subprocess
import sys

STEPS = [4, 5, 10, 20, 50]
SCALES = ["per-step", "shared"]


def run(command, out):
    """Runs command with its standard output in a file, which only exists when it succeeded."""
    if os.path.exists(out):
        return
    print(" ".join(command), file=sys.stderr, flush=True)
    with open(out + ".tmp", "w") as stream:
        subprocess.run(command, stdout=stream, check=True)
    os.rename(out + ".tmp", out)


def measure(args, model, steps, name):
    out = os.path.join(args.work, name + ".json")
    command = [args.tool, "eval", model, "--classifier", args.classifier, "--data", args.data, "--n", str(args.n),
               "--runs", str(args.runs), "--threads", str(args.threads), "--quiet", "--json"]
    if steps is not None:
        command += ["--steps", str(steps)]
    run(command, out)
    with open(out) as stream:
        return json.load(stream)


def quantized(args, steps, scales):
    model = os.path.join(args.work, "q-%d-%s.mote" % (steps, scales))
    if not os.path.exists(model):
        run([args.tool, "quantize", args.model, "--steps", str(steps), "--scales", scales, "--out", model],
            model[:-len(".mote")] + ".txt")
    return model


def cells(result, reference):
    candidate = result["candidates"][0]
    mean, deviation = candidate["mean"], candidate["deviation"]
    ratio = "" if reference is None else "%.3f" % (mean["frechet"] / reference["candidates"][0]["mean"]["frechet"])
    return "%.3f ± %.3f | %s | %.3f ± %.3f | %.3f ± %.3f | %.1f %%" % (
        mean["frechet"], deviation["frechet"], ratio, mean["precision"], deviation["precision"], mean["recall"],
        deviation["recall"], 100 * mean["agreement"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default="build/weights_tool")
    parser.add_argument("--work", default="build/quality")
    parser.add_argument("--model", default="examples/models/fashion.mote")
    parser.add_argument("--classifier", default="examples/models/fashion-classifier.safetensors")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--n", type=int, default=10000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    lines = ["| steps | model | Fréchet distance | / float | precision | recall | named as asked |",
             "|---|---|---|---|---|---|---|"]
    for steps in STEPS:
        reference = measure(args, args.model, steps, "float-%d" % steps)
        if len(lines) == 2:
            floor = reference["floor"]
            lines.insert(2, "| | floor: %d held-out pictures | %.3f | | %.3f | %.3f | %.1f %% |" % (
                floor["pictures"], floor["frechet"], floor["precision"], floor["recall"], 100 * floor["agreement"]))
        lines.append("| %d | float32 | %s |" % (steps, cells(reference, None)))
        for scales in SCALES:
            result = measure(args, quantized(args, steps, scales), None, "int8-%d-%s" % (steps, scales))
            lines.append("| %d | int8, %s scales | %s |" % (steps, scales, cells(result, reference)))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
