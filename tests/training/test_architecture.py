import numpy as np
import pytest

from cryoglean.networks.settings import ArchitectureConfig

torch = pytest.importorskip("torch")

from cryoglean.training.architecture import build_classifier, build_segmenter  # noqa: E402


def count_parameters(network: torch.nn.Module) -> int:
    """Trainable numbers of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def multiplications(network, size):
    """Multiply-accumulate operations of all convolutions for one square image."""
    total = 0

    def count(layer, _, output):
        nonlocal total
        total += output.numel() * layer.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    with torch.no_grad():
        network.eval()(torch.zeros(1, 1, size, size))
    for hook in hooks:
        hook.remove()
    return total


def test_the_light_networks_are_light():
    config = ArchitectureConfig()
    assert 0.5e6 < count_parameters(build_segmenter(config)) < 0.6e6
    assert count_parameters(build_classifier(config)) < 0.3e6
    assert multiplications(build_segmenter(config), 256) / 256**2 < 16e3


def test_the_papers_networks_have_the_papers_size():
    config = ArchitectureConfig(preset="pixer-2019")
    segmenter = build_segmenter(config)
    assert count_parameters(segmenter) == 19_614_568
    assert count_parameters(build_classifier(config)) == 56_880_515
    assert multiplications(segmenter, 64) / 64**2 == pytest.approx(470e3, rel=0.01)


@pytest.mark.parametrize("preset", ["light", "pixer-2019"])
def test_both_presets_answer_alike(preset):
    config = ArchitectureConfig(preset=preset)
    with torch.no_grad():
        maps = build_segmenter(config).eval()(torch.zeros(1, 1, 64, 48))
        kinds = build_classifier(config).eval()(torch.zeros(2, 1, config.crop_px, config.crop_px))
    assert maps.shape == (1, 6, 32, 24)
    assert kinds.shape == (2, 3)


@pytest.mark.parametrize("branches", range(1, 6))
def test_one_to_five_branches_add_their_own_parameters(branches):
    sizes = [count_parameters(build_segmenter(ArchitectureConfig(branches=n))) for n in (branches, 1)]
    own = ArchitectureConfig().channels[2]
    assert sizes[0] - sizes[1] == (branches - 1) * (own * own * 9 + 2 * own + own * own + own)


@pytest.mark.parametrize("branches", [1, 4])
def test_no_pixel_beyond_the_reach_has_a_say(branches):
    config = ArchitectureConfig(branches=branches)
    torch.manual_seed(3)
    network = build_segmenter(config).eval()
    size, middle = 2 * config.reach_px + 64, config.reach_px // 2 + 16
    image = torch.randn(1, 1, size, size, requires_grad=True)
    network(image)[0, :, middle, middle].sum().backward()
    rows = np.flatnonzero(image.grad[0, 0].abs().sum(dim=1).numpy())
    assert 2 * middle - rows.min() <= config.reach_px
    assert rows.max() - 2 * middle <= config.reach_px
    assert np.ptp(rows) > config.reach_px
