"""Samplers by steps, and guidance scales, on the shipped float model: what QUALITY.md shows.

    python3 tests/bench/samplers.py --tool build/weights_tool --work build/samplers > table.md

2,000 pictures of one seed for every cell. Results are kept in --work as JSON, one file a measurement, so that a second call
goes on where one was stopped; --only-print shows what is there. Several hours on one core, most of it the 1,000 steps.
"""
import argparse
import json
import os
import subprocess
import sys

STEPS = [1, 2, 4, 5, 10, 20, 50, 100]
# Sampler, steps. 1,000 steps only where the number is the point.
CELLS = ([("ddim", s) for s in STEPS] + [("dpmpp-2m", s) for s in STEPS] + [("unipc", s) for s in STEPS] +
         [("ddpm", s) for s in STEPS] + [("dpmpp-2m-sde", s) for s in [5, 10, 20, 50]] +
         [("sde-em", s) for s in [50, 100]] + [("sde-pc", s) for s in [50, 100]] + [("ode-rk45", None)] +
         [("ddim", 1000), ("ddpm", 1000)])
GUIDANCE = ["0", "0.5", "1", "2", "3", "5", "8"]
SCALES = ["0", "0.5", "1", "2", "3", "5", "8"]


def measure(args, name, options):
    """The result of one `weights_tool sweep` of one cell, or None where it is not there and not wanted."""
    out = os.path.join(args.work, name + ".json")
    if not os.path.exists(out):
        if args.only_print:
            return None
        command = [args.tool, "sweep", args.model, "--classifier", args.classifier, "--data", args.data, "--n",
                   str(args.n), "--threads", str(args.threads), "--quiet", "--json"] + options
        print(" ".join(command), file=sys.stderr, flush=True)
        with open(out + ".tmp", "w") as stream:
            subprocess.run(command, stdout=stream, check=True)
        os.rename(out + ".tmp", out)
    with open(out) as stream:
        return json.loads(stream.readline())


def quality(cell):
    return "%.3f | %.3f | %.3f" % (cell["frechet"], cell["precision"], cell["recall"])


def sampler_table(args):
    print("| sampler | steps | network calls | Fréchet distance | precision | recall | ms a picture |")
    print("|---|---|---|---|---|---|---|")
    for sampler, steps in CELLS:
        cell = measure(args, "%s-%s" % (sampler, steps or "own"),
                       ["--samplers", sampler] + ([] if steps is None else ["--steps", str(steps)]))
        if cell is not None:
            print("| %s | %s | %.0f | %s | %.1f |" % (sampler, steps or "", cell["evaluations_a_picture"], quality(cell),
                                                     1e3 * cell["seconds_a_picture"]), flush=True)


def guidance_table(args):
    print("\n| guidance | scale | Fréchet distance | precision | recall | named as asked |")
    print("|---|---|---|---|---|---|")
    rows = [("classifier-free", g, ["--guidance", g]) for g in GUIDANCE]
    rows += [("classifier", s, ["--guide", args.guide, "--scales", s]) for s in SCALES]
    for kind, scale, options in rows:
        cell = measure(args, "%s-%s" % (kind, scale), ["--steps", str(args.steps)] + options)
        if cell is not None:
            agreement = "" if cell["agreement"] is None else "%.1f %%" % (100 * cell["agreement"])
            print("| %s | %s | %s | %s |" % (kind, scale, quality(cell), agreement), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default="build/weights_tool")
    parser.add_argument("--work", default="build/samplers")
    parser.add_argument("--model", default="examples/models/fashion.mote")
    parser.add_argument("--classifier", default="examples/models/fashion-classifier.safetensors")
    parser.add_argument("--guide", default="examples/models/fashion-noisy-classifier.safetensors")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=20, help="of the guidance scales")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--only-print", action="store_true")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    sampler_table(args)
    guidance_table(args)


if __name__ == "__main__":
    main()
