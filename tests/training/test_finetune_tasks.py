import csv
from dataclasses import replace

import numpy as np
import pytest

from cryoglean.dataset.tiles import REFUTED, SURE, UNKNOWN, UNLABELLED, WEAK, LabelledTiles
from cryoglean.networks.maps import CENTRE, CONTAMINATION
from cryoglean.networks.settings import ArchitectureConfig
from cryoglean.training.settings import FineTuningConfig, TrainConfig

torch = pytest.importorskip("torch")

from cryoglean.training.architecture import build_segmenter  # noqa: E402
from cryoglean.training.classifier import BACKGROUND_KIND, CONTAMINATION_KIND, PARTICLE_KIND  # noqa: E402
from cryoglean.training.finetune_tasks import (  # noqa: E402
    FineTuningData,
    _Kept,
    annotated_example,
    freeze_statistics,
    mine_annotated,
    tuned_segmentation,
)
from cryoglean.training.labelling import labelled_tile  # noqa: E402
from cryoglean.training.loop import train  # noqa: E402

SIDE, PLACES = 96, [(24, 24), (72, 24), (24, 72), (72, 72)]


def config(**changes):
    tuning = {"steps": 4, "rate": 1e-3, "validate_every": 2} | changes
    return TrainConfig(
        batch=4,
        rate=tuning["rate"],
        averaging=0.5,
        validate_every=tuning["validate_every"],
        threads=1,
        device="cpu",
        precision="float32",
        architecture=ArchitectureConfig(channels=(8, 8, 8), branches=1),
        fine_tuning=FineTuningConfig(**tuning),
    )


PARTICLE_PX = config().architecture.particle_px


def draw(count, rng, *, contrast=2.0):
    """Tiles of four discs, each of which is trusted in another way."""
    y, x = np.mgrid[:SIDE, :SIDE]
    images, particles, trusts, centres = [], [], [], []
    for number in range(count):
        image = rng.normal(0, 1, (SIDE, SIDE))
        particle, trust = np.zeros((2, SIDE, SIDE), np.uint8)
        for (column, row), code in zip(PLACES, (SURE, WEAK, REFUTED, UNLABELLED), strict=True):
            disc = np.hypot(x - column, y - row) < 0.4 * PARTICLE_PX
            image[disc] += contrast
            trust[disc] = code
            if code in (SURE, WEAK):
                particle[disc] = 1
                centres.append((number, column, row))
        particle[:4] = UNKNOWN
        images.append(np.clip(21 * image + 128, 0, 255).astype(np.uint8))
        particles.append(particle)
        trusts.append(trust)
    return LabelledTiles(
        np.stack(images),
        np.stack(particles),
        np.stack(trusts),
        np.array(centres, np.float32),
        np.full(count, "drawn"),
    )


@pytest.fixture
def data(rng):
    tiles, held = draw(6, rng), draw(2, rng)
    simulated = replace(draw(4, rng), contaminated=np.zeros((4, SIDE, SIDE), np.uint8))
    return FineTuningData(
        tiles, [labelled_tile(held, i, PARTICLE_PX) for i in range(2)], simulated, simulated
    )


def segmenter(seed=3):
    torch.manual_seed(seed)
    return build_segmenter(config().architecture)


def never(*_):
    return False


def test_frozen_statistics_are_used_and_stay_in_training():
    network = segmenter().eval()
    image = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_()
        before = network(image)
        frozen = freeze_statistics(network).train()
        torch.testing.assert_close(frozen(image), before)
        torch.testing.assert_close(frozen.eval()(image), before)
    assert any(
        p.requires_grad for m in frozen.modules() if "Norm" in type(m).__name__ for p in m.parameters()
    )


def test_labels_count_by_the_trust_in_them(rng):
    tiles = draw(1, rng)
    one = annotated_example(tiles, 0, config=config(weak=0.25, unlabelled=0.5, refuted=3.0), rng=None)
    at = {code: (row // 2, column // 2) for (column, row), code in zip(PLACES, "swru", strict=True)}
    for channel in (0, 3, CENTRE):
        assert [one.weight[channel][at[code]] for code in "swru"] == [1, 0.25, 3, 0.5]
    assert [one.target[0][at[code]] for code in "swru"] == [1, 1, 0, 0]
    assert (one.weight[CONTAMINATION] == 0).all()
    assert (one.weight[:, :2] == 0).all()


def test_crops_are_what_the_user_said(rng):
    """The drawn discs are all alike; a network that sees every one of them finds four."""

    class Sees(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.none = torch.nn.Parameter(torch.zeros(1))

        def forward(self, image):
            blurred = torch.nn.functional.avg_pool2d(image, 9, stride=2, padding=4, count_include_pad=False)
            logits = 8 * (blurred - 1)
            return torch.cat([logits.expand(-1, 5, -1, -1), torch.full_like(logits, -9)], dim=1)

    tiles = draw(1, rng, contrast=4.0)
    crops = mine_annotated(Sees(), tiles, config())
    kinds = sorted(crops.kind.tolist())
    # Two particles and one deleted pick; of the disc that nobody labelled nothing is told.
    assert kinds.count(PARTICLE_KIND) == 2
    assert kinds.count(CONTAMINATION_KIND) == 1
    assert kinds.count(BACKGROUND_KIND) == 0


def tune_segmenter(network, data, config, *, out, resume=False, watch=never):
    task = tuned_segmentation(data, config, out=out, resume=resume, watch=watch)
    return train(freeze_statistics(network), task, config, out=out, resume=resume)


def test_what_is_taught_is_learnt_and_the_seed_decides_how(data, tmp_path):
    def weights(name, seed):
        tuned = tune_segmenter(
            segmenter(),
            data,
            config(steps=12, rate=3e-3, validate_every=6).changed(seed=seed),
            out=tmp_path / name,
            resume=False,
            watch=never,
        )
        return torch.cat([p.detach().flatten() for p in tuned.parameters()])

    first, again, other = weights("a", 1), weights("b", 1), weights("c", 2)
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)
    with (tmp_path / "a" / "segmentation-metrics.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < losses[0]


def test_a_broken_run_goes_on_to_the_same_weights(data, tmp_path):
    class BreakError(Exception):
        pass

    def breaks(step, *_):
        if step == 3:
            raise BreakError
        return False

    def tune(name, watch=never, *, resume=False):
        return tune_segmenter(
            segmenter(), data, config(), out=tmp_path / name, resume=resume, watch=watch
        ).state_dict()

    unbroken = tune("a")
    with pytest.raises(BreakError):
        tune("b", breaks)
    resumed = tune("b", resume=True)
    for name, value in unbroken.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0)


def test_training_that_spoils_the_network_is_undone(data, tmp_path):
    def tune(network, name, **changes):
        return tune_segmenter(
            network, data, config(**changes), out=tmp_path / name, resume=False, watch=never
        )

    good = tune(segmenter(), "good", steps=40, rate=1e-2, validate_every=20)
    before = {name: value.clone() for name, value in good.state_dict().items()}
    after = tune(good, "bad", steps=4, rate=10.0).state_dict()
    with (tmp_path / "bad" / "segmentation-metrics.csv").open() as file:
        assert all(float(row["own_average_precision"]) < 0.2 for row in csv.DictReader(file))
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=0, atol=0)


def test_a_watch_ends_the_training(data, tmp_path):
    steps = []

    def watch(step, total, _):
        steps.append((step, total))
        return step == 2

    tune_segmenter(segmenter(), data, config(), out=tmp_path, resume=False, watch=watch)
    assert steps == [(1, 4), (2, 4)]


def test_of_states_that_are_alike_the_last_is_kept(tmp_path):
    network = torch.nn.Linear(1, 1, bias=False)
    merits = [0.80, 0.79, 0.85, 0.84, 0.81]
    kept = _Kept(tmp_path / "kept.safetensors", resume=False)
    assert not kept.any
    for step, merit in enumerate(merits):
        torch.nn.init.constant_(network.weight, step)
        kept.offer(network, merit, step)
        # A broken run goes on as if it had not been broken.
        kept = _Kept(tmp_path / "kept.safetensors", resume=True)
        assert kept.any
    # 0.84 is as good as 0.85, and 0.81 is not.
    assert kept.restore(network).weight.item() == merits.index(0.84)
