#!/usr/bin/env python3
"""Plain training and SAM by this library beside LibTorch's Python package with the loop that people
copy: first_step() and second_step() over the parameters. The same networks, numbers and version of
LibTorch, one thread, in turns. Prints a table of milliseconds and of ratios to plain training.

    peers.py PROGRAM RESULTS [--rounds N]     PROGRAM is peers_steps, RESULTS a JSON file to write
    peers.py --table RESULTS                  only the table
"""
import json
import math
import pathlib
import statistics
import subprocess
import sys
import time

NETWORKS = {"linear": ("100 linear layers, 32 by 32", 40),
            "convolutional": ("3 convolutions, 32 images of 32 pixels", 20)}


class Sam:
    """SAM as it is usually written around a base optimizer (Foret et al. 2021)."""

    def __init__(self, torch, parameters, base, rho):
        self.torch, self.parameters, self.base, self.rho = torch, parameters, base, rho
        self.kept = {}

    def first_step(self):
        with self.torch.no_grad():
            norms = [parameter.grad.norm(p=2) for parameter in self.parameters]
            scale = self.rho / (self.torch.norm(self.torch.stack(norms), p=2) + 1e-12)
            for parameter in self.parameters:
                self.kept[parameter] = parameter.data.clone()
                parameter.add_(parameter.grad * scale)

    def second_step(self):
        with self.torch.no_grad():
            for parameter in self.parameters:
                parameter.data = self.kept[parameter]
        self.base.step()


class Python:
    def __init__(self):
        import torch
        self.torch = torch
        torch.set_num_threads(1)

    def waves(self, sizes, factor):
        count = math.prod(sizes)
        wave = self.torch.arange(1, count + 1, dtype=self.torch.float64).sin().mul(factor)
        return wave.float().view(sizes)

    def task(self, name):
        torch, nn = self.torch, self.torch.nn
        if name == "linear":
            network = nn.Sequential(*[nn.Linear(32, 32) for _ in range(100)])
            images, labels = self.waves((16, 32), 1), torch.arange(16) % 10
        else:
            layers, channels = [], 3
            for following in (16, 32, 64):
                layers += [nn.Conv2d(channels, following, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
                channels = following
            network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 4 * 4, 10))
            images, labels = self.waves((32, 3, 32, 32), 1), torch.arange(32) % 10
        with torch.no_grad():
            for parameter in network.parameters():
                scale = (math.sqrt(2 / (parameter.numel() // parameter.size(0)))
                         if parameter.dim() > 1 else 0.01)
                parameter.copy_(self.waves(parameter.shape, scale))

        def differentiate():
            network.zero_grad()
            loss = nn.functional.cross_entropy(network(images), labels)
            loss.backward()
            return loss
        return network, differentiate

    def ask(self, what, name, method, steps):
        network, differentiate = self.task(name)
        parameters = list(network.parameters())
        base = self.torch.optim.SGD(parameters, lr=0.01, momentum=0.9)
        sam = Sam(self.torch, parameters, base, 0.05)

        def step():
            loss = differentiate()
            if method == "erm":
                base.step()
            else:
                sam.first_step()
                differentiate()
                sam.second_step()
            return loss
        if what == "loss":
            for _ in range(steps):
                loss = step()
            return loss.item()
        for _ in range(3):
            step()
        begin = time.perf_counter()
        for _ in range(steps):
            step()
        return 1000 * (time.perf_counter() - begin) / steps


class Program:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("peers.py: the program ended")
        return float(answer)


def measure(program, rounds):
    sides = {"roga": Program(program), "python": Python()}
    results = {"libtorch": sides["python"].torch.__version__, "rounds": rounds, "networks": {}}
    for name, (_, steps) in NETWORKS.items():
        for method in ("erm", "sam"):
            ours, theirs = (side.ask("loss", name, method, 5) for side in sides.values())
            if abs(ours - theirs) > 1e-4 * abs(theirs):
                raise SystemExit(f"peers.py: {name}, {method}: after 5 steps the loss is {ours} here "
                                 f"and {theirs} there; these are not the same steps")
        times = {side: {"erm": [], "sam": []} for side in sides}
        for _ in range(rounds):
            for method in ("erm", "sam"):
                for side, one in sides.items():
                    times[side][method].append(one.ask("time", name, method, steps))
        results["networks"][name] = {
            side: {"erm": statistics.median(t["erm"]), "sam": statistics.median(t["sam"]),
                   "ratio": statistics.median(s / e for s, e in zip(t["sam"], t["erm"]))}
            for side, t in times.items()}
    return results


def table(results):
    out = ["| network | plain: Python, ms | here, ms | SAM: Python, ms | here, ms "
           "| SAM by plain: Python | here |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for name, sides in results["networks"].items():
        theirs, ours = sides["python"], sides["roga"]
        out.append(f"| {NETWORKS[name][0]} | {theirs['erm']:.2f} | {ours['erm']:.2f} "
                   f"| {theirs['sam']:.2f} | {ours['sam']:.2f} "
                   f"| {theirs['ratio']:.2f} | {ours['ratio']:.2f} |")
    return "\n".join(out)


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--table":
        print(table(json.loads(pathlib.Path(arguments[1]).read_text())))
        return
    if len(arguments) not in (2, 4) or arguments[0] in ("-h", "--help"):
        raise SystemExit(__doc__)
    rounds = int(arguments[3]) if len(arguments) == 4 and arguments[2] == "--rounds" else 15
    results = measure(arguments[0], rounds)
    pathlib.Path(arguments[1]).write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))


if __name__ == "__main__":
    main(sys.argv[1:])
