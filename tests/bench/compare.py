"""mote against PyTorch on this machine, by turns, so that both meet the same noise.

  compare.py forward [--build build] [--rounds 5]    forward pass, batch 1, one thread: the shipped and the DDPM network
  compare.py train   [--build build] [--rounds 5]    training steps of the shipped network, two threads

In every round each program runs once, in an order that rotates. What others on the machine burnt meanwhile is read from
/proc/stat; the result of a program is the median over its quiet rounds (others below a tenth of a core; when there are
none, the quietest third). The ratio is against PyTorch's best variant. Exit code 1 when a program fails or the networks
differ, never for a slow result.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHIPPED = os.path.join(ROOT, "examples", "models", "fashion.json")
DDPM = os.path.join(HERE, "ddpm_cifar10.json")
QUIET_CORES = 0.1
PYTHON = sys.executable


def busy_seconds():
    """CPU seconds of everybody since boot; 0 where /proc does not exist."""
    try:
        with open("/proc/stat") as file:
            return sum(map(int, file.readline().split()[1:4])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def own_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command, threads):
    """Returns (stdout, cores kept busy by others meanwhile)."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads),
                       PYTHONDONTWRITEBYTECODE="1")
    busy, own, start = busy_seconds(), own_seconds(), time.time()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("compare: %s failed:\n%s" % (" ".join(command), done.stderr or done.stdout))
    others = (busy_seconds() - busy - (own_seconds() - own)) / (time.time() - start)
    return done.stdout, max(0.0, others)


class Peer:
    """A program, what it printed, and how to read it. `read` turns stdout into (value, facts)."""

    def __init__(self, name, command, read):
        self.name, self.command, self.read = name, command, read
        self.values, self.others, self.facts = [], [], {}

    def measure(self, threads):
        output, others = run(self.command, threads)
        value, self.facts = self.read(output)
        self.values.append(value)
        self.others.append(others)

    def quiet(self):
        rounds = [i for i, o in enumerate(self.others) if o < QUIET_CORES]
        by_noise = sorted(range(len(self.others)), key=lambda i: self.others[i])
        return rounds or by_noise[:max(1, len(by_noise) // 3)]

    def median(self):
        return statistics.median(self.values[i] for i in self.quiet())


def rounds_of(peers, rounds, threads):
    for round_ in range(rounds):
        for i in range(len(peers)):
            peers[(i + round_) % len(peers)].measure(threads)
        print("  round %d/%d" % (round_ + 1, rounds), end="\r", file=sys.stderr, flush=True)
    print(" " * 20, end="\r", file=sys.stderr)


def report(title, unit, peers, better):
    """better: min or max. Prints the table and returns the ratio mote : best PyTorch, above 1 when mote is faster."""
    print("\n%s" % title)
    print("  %-22s %12s %12s %12s %7s %7s" % ("", "median " + unit, "best", "worst", "quiet", "others"))
    for peer in peers:
        values = [peer.values[i] for i in peer.quiet()]
        worst = max if better is min else min
        print("  %-22s %12.2f %12.2f %12.2f %7s %7.2f" % (
            peer.name, peer.median(), better(values), worst(values), "%d/%d" % (len(values), len(peer.values)),
            max(peer.others[i] for i in peer.quiet())))
    best = better(peers[1:], key=lambda peer: peer.median())
    ratio = best.median() / peers[0].median() if better is min else peers[0].median() / best.median()
    print("  mote is %.2f times as fast as %s" % (ratio, best.name))
    return ratio


def check_same_network(bench, config):
    """mote's weights in PyTorch must give mote's output."""
    with tempfile.TemporaryDirectory() as folder:
        mote = json.loads(run([bench, config, "--seconds", "0", "--reference", folder], 1)[0])
        script = os.path.join(HERE, "torch_forward.py")
        torch = json.loads(run([PYTHON, script, config, "--reference", folder], 1)[0])
    if mote["parameters"] != torch["parameters"] or not torch["largest_error"] < 1e-3:
        sys.exit("compare: %s is not the same network in both: %d and %d parameters, outputs differ by %g" % (
            config, mote["parameters"], torch["parameters"], torch["largest_error"]))
    return "%d parameters in both, outputs agree to %.1e" % (mote["parameters"], torch["largest_error"])


def read_ms(output):
    facts = json.loads(output)
    return statistics.median(facts["ms"]), facts


def compare_forward(args):
    bench = os.path.join(args.build, "tests", "bench", "forward_bench")
    script = os.path.join(HERE, "torch_forward.py")
    ratios = {}
    # The published DDPM network has 128 features in its sinusoid where mote has 32: PyTorch runs the published one.
    for name, config, extra in [("shipped", SHIPPED, []), ("ddpm_cifar10", DDPM, ["--sinusoid", "128"])]:
        if args.only and name not in args.only:
            continue
        same = check_same_network(bench, config)
        timing = ["--seconds", str(args.seconds)]
        peers = [Peer("mote", [bench, config] + timing, read_ms)]
        for variant in ("eager", "channels_last", "jit"):
            command = [PYTHON, script, config, "--variant", variant, "--threads", "1"] + timing + extra
            peers.append(Peer("torch " + variant, command, read_ms))
        rounds_of(peers, args.rounds, 1)
        mote, torch = peers[0].facts, peers[1].facts
        peers[0].name = "mote " + mote["kernels"]
        ratios[name] = report("forward pass, %s network, batch 1, 1 thread (%s)" % (name, same), "ms", peers, min)
        print("  %.1f M multiply-accumulates; parameters: mote %d, torch %d; mote %.1f GMAC/s" % (
            mote["macs"] / 1e6, mote["parameters"], torch["parameters"], mote["macs"] / peers[0].median() / 1e6))
    return ratios


def compare_train(args):
    tool = os.path.join(args.build, "weights_tool")
    bench = os.path.join(args.build, "tests", "bench", "forward_bench")
    script = os.path.join(HERE, "torch_train.py")
    same = check_same_network(bench, SHIPPED)
    threads, steps = args.threads, str(args.steps)
    peers = [Peer("mote", [tool, "train", SHIPPED, "--bench-steps", steps, "--threads", str(threads)],
                  lambda output: (float(output.split()[0]), {}))]
    for variant in ("nchw", "channels_last"):
        command = [PYTHON, script, SHIPPED, "--variant", variant, "--threads", str(threads), "--steps", steps]
        peers.append(Peer("torch " + variant, command,
                          lambda output: (json.loads(output)["images_per_second"], json.loads(output))))
    rounds_of(peers, args.rounds, threads)
    title = "training, shipped network, batch %d, %d threads (%s)" % (peers[1].facts["batch"], threads, same)
    return {"train": report(title, "images/s", peers, max)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["forward", "train"])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="forward: measuring time of one program in a round")
    parser.add_argument("--steps", type=int, default=20, help="train: optimiser steps of one program in a round")
    parser.add_argument("--threads", type=int, default=2, help="train")
    parser.add_argument("--only", action="append", help="forward: shipped or ddpm_cifar10")
    parser.add_argument("--json", action="store_true", help="print the ratios as JSON at the end")
    args = parser.parse_args()
    ratios = compare_forward(args) if args.what == "forward" else compare_train(args)
    if args.json:
        print(json.dumps(ratios))


if __name__ == "__main__":
    main()
