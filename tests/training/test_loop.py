import csv
from dataclasses import replace

import numpy as np
import pytest

from cryoglean.errors import WeightsError
from cryoglean.training.settings import TrainConfig

torch = pytest.importorskip("torch")

from cryoglean.training.loop import Task, learning_rate, train  # noqa: E402

SIZE = 20


def network():
    torch.manual_seed(7)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.Dropout(0.3),
        torch.nn.Conv2d(4, 1, 1),
    )


@pytest.fixture
def task():
    """Learn the double of noisy images."""

    def batch(index, rng):
        clean = np.stack([np.full((1, 8, 8), i / SIZE, np.float32) for i in index])
        noise = rng.normal(0, 0.05, clean.shape).astype(np.float32)
        return torch.from_numpy(clean + noise), torch.from_numpy(2 * clean)

    def loss(answer, wanted):
        return ((answer - wanted) ** 2).mean()

    return Task("doubling", SIZE, batch, loss, lambda *_: {})


def config(**changes):
    return TrainConfig(batch=4, rate=0.01, validate_every=3, threads=1, device="cpu", **changes)


def weights(network):
    return torch.cat([value.flatten().double() for value in network.state_dict().values()]).numpy()


def test_a_broken_run_goes_on_to_the_same_weights(task, tmp_path):
    unbroken = train(network(), replace(task, epochs=2), config(), out=tmp_path / "a")

    class BreakError(Exception):
        pass

    def validate(_, step):
        if step == 6:
            raise BreakError
        return {}

    broken = replace(task, validate=validate)
    with pytest.raises(BreakError):
        train(network(), replace(broken, epochs=2), config(), out=tmp_path / "b")
    resumed = train(network(), replace(task, epochs=2), config(), out=tmp_path / "b", resume=True)
    np.testing.assert_array_equal(weights(resumed), weights(unbroken))


def test_the_seed_decides_the_weights(task, tmp_path):
    first, second, other = (
        weights(train(network(), replace(task, epochs=1), config(seed=seed), out=tmp_path / name))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_what_is_trained_learns(task, tmp_path):
    train(network(), replace(task, epochs=30), config(), out=tmp_path)
    with (tmp_path / "doubling-metrics.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.4 * losses[0]


def test_a_checkpoint_of_another_network_is_refused(task, tmp_path):
    train(network(), replace(task, epochs=1), config(), out=tmp_path)
    other = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1))
    with pytest.raises(WeightsError, match="does not fit this network"):
        train(other, task, config(), out=tmp_path, resume=True)


def test_every_pass_shows_every_example_once(tmp_path):
    shown = []

    def batch(index, _):
        shown.extend(index.tolist())
        return torch.zeros(len(index), 1, 8, 8), torch.zeros(len(index), 1, 8, 8)

    task = Task("order", SIZE, batch, lambda answer, wanted: (answer - wanted).mean(), lambda *_: {})
    train(network(), replace(task, epochs=3), config(), out=tmp_path)
    for start in range(0, 3 * SIZE, SIZE):
        assert sorted(shown[start : start + SIZE]) == list(range(SIZE))
    assert shown[:SIZE] != shown[SIZE : 2 * SIZE]


def test_the_rate_rises_then_falls_to_a_hundredth():
    rates = [learning_rate(step, 1000, 0.1) for step in range(1000)]
    assert rates[0] < 0.01
    assert max(rates) == pytest.approx(0.1, rel=0.01)
    assert rates[-1] == pytest.approx(0.001, rel=0.01)
    top = int(np.argmax(rates))
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) <= 0).all()
