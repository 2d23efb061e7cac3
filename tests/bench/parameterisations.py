"""Schedules, predictions and loss weights compared at equal training: what QUALITY.md shows of them.

    python3 tests/bench/parameterisations.py --tool build/weights_tool --work build/parameterisations > table.md

Trains the same small network, from the same seed and on the same pictures, for each combination, and measures what it draws
in a few steps of DDIM. The loss weights: "uniform" is the squared error of what the network predicts, "min_snr" that of
Hang et al. 2023 (gamma 5). Results are kept in --work, one folder a combination, so that a second call goes on where one
was stopped, in the middle of a training too. --print-only makes the table of what is there.
"""
import argparse
import json
import os
import subprocess
import sys

SCHEDULES = ["linear", "quadratic", "sigmoid", "cosine"]
PREDICTIONS = ["epsilon", "x0", "v"]
WEIGHTS = {"uniform": "simple", "min_snr": "min_snr"}

MODEL = {"height": 28, "width": 28, "channels": 1, "classes": 10, "base_channels": 8, "multipliers": [1, 2, 3],
         "blocks": [1], "attention_levels": [], "middle_attention": True, "groups": 8, "time_features": 64}


def training(args, schedule, prediction, weight):
    return {"model": MODEL, "schedule": schedule, "timesteps": 1000, "prediction": prediction,
            "loss_weighting": WEIGHTS[weight], "batch": 64, "epochs": args.epochs, "learning_rate": 2e-3,
            "warmup_steps": 100, "final_learning_rate": 1e-5, "betas": [0.9, 0.99], "ema": 0.995, "flip": True,
            "seed": 1, "checkpoint_every": 200, "sample_every": 1000000, "validation_pictures": 0}


def run(command, out=None):
    """Runs command; its standard output goes to a file that only exists when it succeeded."""
    print(" ".join(command), file=sys.stderr, flush=True)
    if out is None:
        subprocess.run(command, check=True)
        return
    with open(out + ".tmp", "w") as stream:
        subprocess.run(command, stdout=stream, check=True)
    os.rename(out + ".tmp", out)


def measure(args, name, config):
    """The measurement of a combination, made if it is not there; None with --print-only."""
    folder = os.path.join(args.work, name)
    out, model = os.path.join(folder, "eval.json"), os.path.join(folder, "model.mote")
    if not os.path.exists(out):
        if args.print_only:
            return None
        train = os.path.join(folder, "train")
        if not os.path.exists(model):
            os.makedirs(folder, exist_ok=True)
            path = os.path.join(folder, "config.json")
            with open(path, "w") as stream:
                json.dump(config, stream)
            resume = ["--resume"] if os.path.exists(os.path.join(train, "config.json")) else []
            run([args.tool, "train", path, "--data", args.data, "--out", train, "--threads", str(args.threads)] + resume)
            run([args.tool, "export", os.path.join(train, "checkpoint.safetensors"), "--out", model, "--force"])
        run([args.tool, "eval", model, "--classifier", args.classifier, "--data", args.data, "--n", str(args.n),
             "--runs", str(args.runs), "--steps", str(args.steps), "--sampler", "ddim", "--threads", str(args.threads),
             "--quiet", "--json"], out)
    with open(out) as stream:
        return json.load(stream)


def row(schedule, prediction, weight, result):
    mean, deviation = result["candidates"][0]["mean"], result["candidates"][0]["deviation"]
    return "| %s | %s | %s | %.2f ± %.2f | %.3f | %.3f | %.1f %% |" % (
        schedule, prediction, weight, mean["frechet"], deviation["frechet"], mean["precision"], mean["recall"],
        100 * mean["agreement"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", default="build/weights_tool")
    parser.add_argument("--work", default="build/parameterisations")
    parser.add_argument("--classifier", default="examples/models/fashion-classifier.safetensors")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--print-only", action="store_true")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    lines = ["| schedule | prediction | loss weight | Fréchet distance | precision | recall | named as asked |",
             "|---|---|---|---|---|---|---|"]
    missing = 0
    # The most telling ones first: a table of a stopped run has whole schedules.
    for schedule in ["cosine", "linear"] + [s for s in SCHEDULES if s not in ("cosine", "linear")]:
        for prediction in PREDICTIONS:
            for weight in WEIGHTS:
                result = measure(args, "-".join([schedule, prediction, weight]),
                                 training(args, schedule, prediction, weight))
                if result is None:
                    missing += 1
                else:
                    lines.append(row(schedule, prediction, weight, result))
    if missing:
        print("%d combinations are not measured yet" % missing, file=sys.stderr)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
