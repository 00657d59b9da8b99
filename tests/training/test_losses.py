import pytest

torch = pytest.importorskip("torch")

from cryoglean.training.losses import dice_loss, segmentation_loss, soft_focal_loss  # noqa: E402


@pytest.fixture
def target():
    torch.manual_seed(0)
    return (torch.rand(2, 6, 16, 16) > 0.7).float()


def test_the_truth_costs_less_than_chance_and_chance_less_than_its_opposite(target):
    weight = torch.ones_like(target)
    right, chance, wrong = (
        segmentation_loss(factor * (2 * target - 1), target, weight).item() for factor in (8.0, 0.0, -8.0)
    )
    assert right < 0.05 < chance < wrong


def test_what_is_ignored_makes_no_difference(target):
    weight = torch.ones_like(target)
    weight[..., :8] = 0
    answer = torch.randn(target.shape)
    other = answer.clone()
    other[..., :8] += 5
    assert segmentation_loss(answer, target, weight) == segmentation_loss(other, target, weight)


def test_the_masks_weight_counts_for_masks_alone(target):
    weight = torch.ones_like(target)
    answer = torch.randn(target.shape)
    once, thrice = (segmentation_loss(answer, target, weight, mask_weight=w).item() for w in (1.0, 3.0))
    others = segmentation_loss(answer, target, weight, mask_weight=0.0).item()
    assert thrice - others == pytest.approx(3 * (once - others))
    assert 0 < others < once


def test_dice_of_half_the_area_is_two_thirds_overlap():
    target = torch.ones(1, 40, 40)
    logits = torch.full((1, 40, 40), 50.0)
    logits[:, :20] = -50
    assert dice_loss(logits, target, torch.ones_like(target)).item() == pytest.approx(1 / 3, abs=1e-3)


def test_a_centre_that_is_met_costs_nothing():
    target = torch.tensor([[[0.0, 0.5, 1.0]]])
    met = torch.logit(target.clamp(1e-6, 1 - 1e-6))
    assert soft_focal_loss(met, target, torch.ones_like(target)).item() < 1e-6
