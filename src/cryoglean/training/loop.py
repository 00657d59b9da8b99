"""The loop that trains a network for a task."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cryoglean.errors import WeightsError
from cryoglean.io.limits import require_file
from cryoglean.io.writing import complete_or_absent
from cryoglean.training.settings import TrainConfig

Batch = tuple[Tensor, ...]
Metrics = dict[str, float]
Watch = Callable[[int, int, float], bool]
"""Is told the steps done, how many there are and the loss; ends the training early by returning true."""

_WARM_UP = 200
"""Steps over which the learning rate rises, at most."""


@dataclass(frozen=True, eq=False)
class Task:
    """What one network is trained for.

    Parameters
    ----------
    name : str
        Names the files that are written.
    size : int
        Number of examples in one pass.
    batch : callable
        Makes a batch of the examples with these indices; a generator draws their variation.
    loss : callable
        The number to make small, from the network's answer and the rest of the batch.
    validate : callable
        Measures a network, at a step.
    epochs : float
        Passes over the examples.
    watch : callable, optional
        Is told of every step, and may end the training.
    begin : callable, optional
        Is called with the network before the first step, at every start.
    keep : callable, optional
        Chooses the state that is kept, from the last one; that itself where it is not given.
    """

    name: str
    size: int
    batch: Callable[[NDArray[np.int64], np.random.Generator], Batch]
    loss: Callable[..., Tensor]
    validate: Callable[[nn.Module, int], Metrics]
    epochs: float = 1.0
    watch: Watch | None = None
    begin: Callable[[nn.Module], None] | None = None
    keep: Callable[[nn.Module], nn.Module] | None = None


def train(
    network: nn.Module, task: Task, config: TrainConfig, *, out: Path, resume: bool = False
) -> nn.Module:
    """Train a network and return the moving average of its weights, or what the task keeps of it.

    Parameters
    ----------
    network : Module
        Changed in place.
    task : Task
        Examples, loss and measurement.
    config : TrainConfig
        Learning rate, batch, seed and device.
    out : Path
        Folder for checkpoints and the log of metrics.
    resume : bool
        Go on from the last checkpoint in `out`, where there is one; the result is that of an unbroken run.

    Raises
    ------
    WeightsError
        The checkpoint does not fit the network.

    Notes
    -----
    The order of the examples and their variation follow from the seed and the number of the step alone.
    """
    torch.set_num_threads(config.threads)
    device = choose_device(config)
    if task.begin is not None:
        task.begin(network)
    # Convolutions are quickest where the channels of a pixel lie side by side, in weights as in images.
    network = nn.utils.convert_conv2d_weight_memory_format(network.to(device), torch.channels_last)
    run = _Run.start(network, config)
    steps = max(1, round(task.epochs * task.size / config.batch))
    checkpoint = out / f"{task.name}-checkpoint.safetensors"
    first = run.load(checkpoint) if resume and checkpoint.exists() else 0
    log = _Log(out / f"{task.name}-metrics.csv", first)
    for step, batch in _batches(task, config, range(first, steps)):
        loss = run.step(step, [part.to(device) for part in batch], task=task, steps=steps)
        log.add(loss)
        over = task.watch is not None and task.watch(step + 1, steps, loss)
        if over or (step + 1) % config.validate_every == 0 or step + 1 == steps:
            run.average.eval()
            log.write(step + 1, task.validate(run.average, step + 1))
            run.save(checkpoint, step + 1)
        if over:
            break
    kept = run.average.eval()
    return kept if task.keep is None else task.keep(kept)


def choose_device(config: TrainConfig) -> torch.device:
    """Where to compute: a GPU where there is one and nothing else is asked for."""
    if config.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(config.device)


def takes_half(config: TrainConfig, device: torch.device) -> bool:
    """Return whether to compute in bfloat16: in hardware, it is several times as fast."""
    if config.precision != "auto":
        return config.precision == "bfloat16"
    return device.type == "cuda" or bool(torch.cpu.get_capabilities().get("amx_bf16"))


def learning_rate(step: int, steps: int, highest: float) -> float:
    """Rise over the first steps, then fall as half a cosine to a hundredth."""
    warm = min(_WARM_UP, max(1, steps // 10))
    if step < warm:
        return highest * (step + 1) / warm
    phase = (step - warm) / max(1, steps - warm)
    return highest * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * phase))))


def _batches(task: Task, config: TrainConfig, steps: range) -> Iterator[tuple[int, Batch]]:
    """Make the batch of each step while the network trains on the one before."""

    def make(step: int) -> Batch:
        index = _order(task.size, config, step)
        return task.batch(index, np.random.default_rng([config.seed, 1, step]))

    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(make, steps.start) if steps else None
        for step in steps:
            assert coming is not None
            batch = coming.result()
            coming = ahead.submit(make, step + 1) if step + 1 < steps.stop else None
            yield step, batch


def _order(size: int, config: TrainConfig, step: int) -> NDArray[np.int64]:
    """Choose one step's examples; every pass is a new permutation."""
    places = np.arange(step * config.batch, (step + 1) * config.batch)
    chosen = np.empty(len(places), np.int64)
    for epoch in np.unique(places // size):
        order = np.random.default_rng([config.seed, 0, int(epoch)]).permutation(size)
        here = places // size == epoch
        chosen[here] = order[places[here] % size]
    return chosen


@dataclass(eq=False)
class _Run:
    """A network in training, its average and its optimiser."""

    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.AdamW
    config: TrainConfig

    @classmethod
    def start(cls, network: nn.Module, config: TrainConfig) -> _Run:
        average = torch.optim.swa_utils.AveragedModel(network).module
        decayed = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        return cls(network, average, torch.optim.AdamW(groups, lr=config.rate), config)

    def step(self, step: int, batch: list[Tensor], *, task: Task, steps: int) -> float:
        """Learn from one batch."""
        torch.manual_seed(self.config.seed * 1_000_003 + step)  # for dropout
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(step, steps, self.config.rate)
        image = batch[0].contiguous(memory_format=torch.channels_last)
        with torch.autocast(image.device.type, torch.bfloat16, enabled=takes_half(self.config, image.device)):
            answer = self.network(image)
        loss = task.loss(answer.float(), *batch[1:])
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self._follow(step)
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        """Let the average follow the weights, quickly at first."""
        decay = min(self.config.averaging, (1 + step) / (10 + step))
        for kept, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            kept.lerp_(now, 1 - decay)
        for statistic, latest in zip(self.average.buffers(), self.network.buffers(), strict=True):
            if statistic.is_floating_point():
                statistic.lerp_(latest, 1 - decay)
            else:
                statistic.copy_(latest)

    def save(self, path: Path, step: int) -> None:
        """Write everything that the next step depends on."""
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{k}": v for k, v in state.items()}
        with complete_or_absent(path) as partial:
            save_file({k: v.contiguous() for k, v in tensors.items()}, partial, {"step": str(step)})

    def load(self, path: Path) -> int:
        """Read what `save` wrote, and return the step to go on with."""
        with reading_checkpoint(path):
            return self._load(path)

    def _load(self, path: Path) -> int:
        tensors = load_file(path)
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimiser": {}}
        for key, value in tensors.items():
            part, _, name = key.partition(".")
            parts.setdefault(part, {})[name] = value
        self.network.load_state_dict(parts["network"])
        self.average.load_state_dict(parts["average"])
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in parts["optimiser"].items():
            number, _, name = key.partition(".")
            state.setdefault(int(number), {})[name] = value
        whole = self.optimiser.state_dict()
        self.optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
        return read_step(path)


def read_step(path: Path) -> int:
    """Step after which a checkpoint was written, from its header.

    Raises
    ------
    WeightsError
        It is damaged.
    """
    with reading_checkpoint(path):
        require_file(path)
        with safe_open(path, "pt") as file:
            return int(file.metadata()["step"])


@contextmanager
def reading_checkpoint(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a checkpoint is read inside into a `WeightsError` naming it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - torch and safetensors raise what they like on damaged files
        reason = " ".join(str(error).split())[:500]
        raise WeightsError(
            path, f"does not fit this network: {reason}", "train into another folder"
        ) from None


class _Log:
    """Metrics of a run, one row each time it is looked at; rows after the step to resume from are dropped."""

    def __init__(self, path: Path, first: int) -> None:
        self._path = path
        self._losses: list[float] = []
        self._since = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, str]] = []
        if first and path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= first]
        self._rows: list[dict[str, str]] = rows

    def add(self, loss: float) -> None:
        self._losses.append(loss)

    def write(self, step: int, metrics: Metrics) -> None:
        values = {"loss": float(np.mean(self._losses)), "seconds": time.monotonic() - self._since} | metrics
        self._rows.append({"step": str(step)} | {k: f"{v:.5g}" for k, v in values.items()})
        with (
            complete_or_absent(self._path) as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, fieldnames=list(self._rows[-1]))
            writer.writeheader()
            writer.writerows(self._rows)
        self._losses = []
        self._since = time.monotonic()
