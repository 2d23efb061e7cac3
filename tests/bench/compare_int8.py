"""mote's quantized models against its float ones and against ONNX Runtime's int8: forward pass, batch 1, one thread.

  compare_int8.py [--build build] [--rounds 15] [--seconds 0.3] [--only shipped|ddpm_cifar10] [--json FILE]

`make bench-int8` makes the DDPM models that this needs and fetches ONNX Runtime (onnxruntime-node) into the build
folder; without node, that package, or PyTorch and onnx for Python it says so and compares mote's own. Each program
loads its network once, and then all take turns of --seconds, in an order that rotates, so that they meet the same
noise. What counts is the processor time of a pass (one thread: on an idle machine the time on the wall), which has
nothing of what other programs took. A ratio is the median over the rounds of the ratio within a round; from ONNX
Runtime's time is taken what calling it through node costs (the time of a model that does nothing), except in the
table. ONNX Runtime chooses its instructions itself; what the processor has is printed. Exit code 1 when a program
fails, never for a slow result.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys

from compare import DDPM, HERE, PYTHON, ROOT, SHIPPED

FLOAT_GOAL = 1.5   # at least: time of float / time of int8, both AVX2
ORT_GOAL = 0.8     # at most: time of int8 / time of ONNX Runtime's int8
ORT_VARIANTS = ("u8s8", "s8s8")
FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "asimddp", "i8mm")


class Program:
    """Waits for its turn: a line in, a line of JSON out (forward_bench --turns, ort_forward.js)."""

    def __init__(self, name, command, environment=None):
        self.name = name
        self.cpu_ms = []  # of each round: of a pass in the mean
        self.wall_ms = []  # of each round: of the quickest pass
        self.process = subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.facts = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("compare_int8: %s ended with exit code %d" % (self.name, self.process.wait()))
        return json.loads(line)

    def turn(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.read()
        self.cpu_ms.append(answer["cpu_ms"])
        self.wall_ms.append(min(answer["ms"]))

    def end(self):
        self.process.stdin.close()
        self.process.wait()

    def median(self):
        return statistics.median(self.cpu_ms)

    def best(self):
        return min(self.cpu_ms)


def show(progress):
    if sys.stderr.isatty():
        print("  %-40s" % progress, end="\r", file=sys.stderr, flush=True)


def take_turns(programs, rounds):
    for program in programs:  # the first turn warms up
        program.turn()
        program.cpu_ms.clear()
        program.wall_ms.clear()
    for round_ in range(rounds):
        for i in range(len(programs)):
            programs[(i + round_) % len(programs)].turn()
        show("round %d/%d" % (round_ + 1, rounds))
    show("")


def ratio(first, second, call=None):
    """(median over the rounds, ratio of the best rounds) of time of first / (time of second - time of call)."""
    calls, best = (call.cpu_ms, call.best()) if call else ([0.0] * len(first.cpu_ms), 0.0)
    rounds = [a / (b - c) for a, b, c in zip(first.cpu_ms, second.cpu_ms, calls)]
    return statistics.median(rounds), first.best() / (second.best() - best)


def report(title, programs, base):
    print("\n%s" % title)
    print("  %-24s %10s %10s %10s %10s %10s" % ("ms a pass", "cpu median", "cpu best", "wall best", "/ int8", "best"))
    for program in programs:
        median, best = ratio(program, base)
        error = "  error %.3f" % program.facts["error"] if "error" in program.facts else ""
        print("  %-24s %10.3f %10.3f %10.3f %10.2f %10.2f%s" % (
            program.name, program.median(), program.best(), min(program.wall_ms), median, best, error))


def why_no_onnx_runtime(modules):
    if shutil.which("node") is None:
        return "node is not installed (apt-get install nodejs npm)"
    if not os.path.isdir(os.path.join(modules, "onnxruntime-node")):
        return "no onnxruntime-node in %s (make bench-int8 fetches it with npm)" % modules
    if subprocess.run([PYTHON, "-c", "import torch, onnx"], capture_output=True).returncode != 0:
        return "no PyTorch and onnx for %s (apt-get install python3-torch python3-onnx)" % PYTHON
    return None


def exported(config, prefix):
    """The network as ONNX, made once; and its facts."""
    facts, made = prefix + ".json", [os.path.join(HERE, name) for name in ("onnx_export.py", "torch_unet.py")]
    sources = made + [config]
    if not os.path.exists(facts) or os.path.getmtime(facts) < max(map(os.path.getmtime, sources)):
        show("exporting the network as ONNX")
        done = subprocess.run([PYTHON, made[0], config, prefix], capture_output=True, text=True,
                              env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
        if done.returncode != 0:
            sys.exit("compare_int8: %s failed:\n%s" % (made[0], done.stderr))
        with open(facts, "w") as file:
            file.write(done.stdout)
    with open(facts) as file:
        return json.load(file)


def mote_programs(args, float_model, int8_model):
    bench = os.path.join(args.build, "tests", "bench", "forward_bench")
    turns = ["--turns", "--seconds", str(args.seconds)]
    programs = [Program("mote int8 avx2", [bench, int8_model, "--kernels", "avx2"] + turns),
                Program("mote float avx2", [bench, float_model, "--kernels", "avx2"] + turns)]
    for kind, model in (("float", float_model), ("int8", int8_model)):
        fastest = Program("mote " + kind, [bench, model] + turns)
        fastest.name += " " + fastest.facts["kernels"]
        if fastest.facts["kernels"] == "avx2":
            fastest.end()
        else:
            programs.append(fastest)
    return programs


def ort_programs(args, modules, prefix):
    environment = dict(os.environ, NODE_PATH=modules)
    script = os.path.join(HERE, "ort_forward.js")
    return [Program("onnxruntime %s" % variant, ["node", script, prefix, variant, str(args.seconds)], environment)
            for variant in ORT_VARIANTS + ("f32", "call")]


def goal(text, value, best, wanted, reached):
    print("  %s: %.2f in the median of rounds, %.2f by the best rounds; wanted %s: %s" % (
        text, value, best, wanted, "reached" if reached else "not reached"))
    return {"median": value, "best": best, "reached": reached}


def compare(args, name, config, float_model, folder, modules):
    programs = mote_programs(args, float_model, float_model.replace(".mote", "-int8.mote"))
    int8, floating = programs[:2]
    macs = int8.facts["macs"]
    title = "%s network: %.1f M multiply-accumulates, %.2f M parameters" % (
        name, macs / 1e6, floating.facts["parameters"] / 1e6)
    if modules is not None:
        prefix = os.path.join(folder, name)
        other = exported(config, prefix)["macs"]
        if abs(macs - other) > 0.01 * macs:  # the last layers that see time only, and nothing else, may be in one alone
            sys.exit("compare_int8: not the same network: %d and %d multiply-accumulates" % (macs, other))
        programs += ort_programs(args, modules, prefix)
    take_turns(programs, args.rounds)
    for program in programs:
        program.end()
    report(title, programs, int8)
    median, best = ratio(floating, int8)
    result = {}
    result["float_to_int8"] = goal("float avx2 / int8 avx2", median, best, ">= %.1f" % FLOAT_GOAL, median >= FLOAT_GOAL)
    if modules is not None:
        rival = min((p for p in programs if p.name.split()[-1] in ORT_VARIANTS), key=Program.best)
        median, best = ratio(int8, rival, programs[-1])
        names = "int8 avx2 / %s" % rival.name
        result["int8_to_ort"] = goal(names, median, best, "<= %.1f" % ORT_GOAL, median <= ORT_GOAL)
        for program in programs[2:]:
            if not program.name.startswith("mote int8"):
                continue
            median, best = ratio(program, rival, programs[-1])
            names = "%s / %s" % (program.name[5:], rival.name)
            result["fastest_int8_to_ort"] = goal(names, median, best, "<= %.1f" % ORT_GOAL, median <= ORT_GOAL)
    result["ms"] = {p.name: {"median": p.median(), "best": p.best(), "wall": min(p.wall_ms)} for p in programs}
    return result


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line.split(":", 1) for line in file if ":" in line]
    except OSError:
        return "processor unknown"
    values = {key.strip().lower(): value.strip() for key, value in lines}
    flags = values.get("flags", values.get("features", "")).split()
    return "%s: %s" % (values.get("model name", "processor"), " ".join(f for f in FLAGS if f in flags))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.3, help="time of one turn")
    parser.add_argument("--only", choices=["shipped", "ddpm_cifar10"])
    parser.add_argument("--node-modules", help="folder with onnxruntime-node instead of the build folder's")
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    args = parser.parse_args()
    folder = os.path.join(os.path.abspath(args.build), "bench")
    modules = os.path.abspath(args.node_modules or os.path.join(folder, "node_modules"))
    print(processor())
    missing = why_no_onnx_runtime(modules)
    if missing is not None:
        print("without ONNX Runtime: " + missing)
        modules = None
    results = {}
    for name, config, model in (("shipped", SHIPPED, SHIPPED.replace(".json", ".mote")),
                                ("ddpm_cifar10", DDPM, os.path.join(folder, "ddpm_cifar10.mote"))):
        if args.only in (None, name):
            results[name] = compare(args, name, config, model, folder, modules)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
