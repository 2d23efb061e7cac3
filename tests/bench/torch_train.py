"""Times training steps in PyTorch: noise added, forward, backward, gradient clipping, AdamW, EMA; float32.
Prints one JSON line: {"images_per_second": over all steps, "parameters": n, ...}.

  torch_train.py CONFIG.json --variant nchw|channels_last [--threads 2] [--steps 30] [--batch N]

CONFIG.json is what `weights_tool train` reads; pictures are random, so reading and flipping them costs nothing here.
Every step uses PyTorch's fused forms (multi-tensor AdamW and EMA). Run by compare.py.
"""
import argparse
import json
import time
import warnings

warnings.filterwarnings("ignore")
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

from torch_unet import UNet, parameter_count, read_config  # noqa: E402

VARIANTS = ["nchw", "channels_last"]


class Trainer:
    def __init__(self, config, batch, variant):
        self.config, self.batch = config, batch
        self.layout = torch.channels_last if variant == "channels_last" else torch.contiguous_format
        model = config["model"]
        self.network = UNet(model).to(memory_format=self.layout).train()
        self.weights = list(self.network.parameters())
        self.averages = [w.detach().clone() for w in self.weights]
        beta1, beta2 = config.get("betas", [0.9, 0.999])
        self.optimizer = torch.optim.AdamW(self.weights, lr=config["learning_rate"], betas=(beta1, beta2),
                                           weight_decay=config.get("weight_decay", 0.01), foreach=True)
        self.levels = config.get("timesteps", 1000)
        s = (torch.arange(self.levels + 1, dtype=torch.float64) / self.levels + 0.008) / 1.008
        self.alpha_bar = (torch.cos(s * torch.pi / 2) ** 2)[1:].float().clamp(1e-5, 1 - 1e-5)
        shape = (4 * batch, model["channels"], model["height"], model["width"])
        self.pictures = torch.rand(shape).mul_(2).sub_(1).contiguous(memory_format=self.layout)
        self.labels = torch.randint(model.get("classes", 0) or 1, (shape[0],))

    def batch_of(self):
        pick = torch.randint(self.pictures.shape[0], (self.batch,))
        x0, label = self.pictures[pick], self.labels[pick]
        classes = self.config["model"].get("classes", 0)
        drop = torch.rand(self.batch) < self.config.get("class_dropout", 0.1)
        return x0, torch.where(drop, torch.full_like(label, classes), label) if classes else None

    def step(self):
        x0, label = self.batch_of()
        t = torch.randint(self.levels, (self.batch,))
        a = self.alpha_bar[t].sqrt()[:, None, None, None]
        b = (1 - self.alpha_bar[t]).sqrt()[:, None, None, None]
        noise = torch.randn_like(x0)
        self.optimizer.zero_grad(set_to_none=True)
        v = self.network(a * x0 + b * noise, t.float(), label)
        F.mse_loss(v, a * noise - b * x0).backward()
        torch.nn.utils.clip_grad_norm_(self.weights, self.config.get("gradient_clip", 1.0))
        self.optimizer.step()
        with torch.no_grad():
            decay = self.config.get("ema", 0.9995)
            torch._foreach_mul_(self.averages, decay)
            torch._foreach_add_(self.averages, [w.detach() for w in self.weights], alpha=1 - decay)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--variant", choices=VARIANTS, default="nchw")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    config = read_config(args.config)
    trainer = Trainer(config, args.batch or config["batch"], args.variant)
    for _ in range(3):
        trainer.step()
    start = time.perf_counter()
    for _ in range(args.steps):
        trainer.step()
    rate = args.steps * trainer.batch / (time.perf_counter() - start)
    print(json.dumps({"images_per_second": rate, "batch": trainer.batch, "torch": torch.__version__,
                      "parameters": parameter_count(trainer.network)}))


if __name__ == "__main__":
    main()
