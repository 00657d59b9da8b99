import cv2
import numpy as np
import pytest

from cryoglean.networks import read_weights
from cryoglean.networks.maps import Maps
from cryoglean.pickers.pixer.contamination import find_contaminated, visible_regions

PARTICLE_PX = 32.0
SIDE = 512


@pytest.fixture
def ice() -> np.ndarray:
    """Smooth noise, as denoised micrographs have it."""
    noise = np.random.default_rng(4).standard_normal((SIDE, SIDE)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return smooth / smooth.std()


def maps_with(region: tuple[slice, slice]) -> Maps:
    """What the networks say where they take a region, in pixels of the maps, for contamination."""
    contamination = np.full((SIDE // 2, SIDE // 2), 0.05, np.float32)
    contamination[region] = 0.95
    return Maps(np.zeros((SIDE, SIDE), np.float32), np.zeros_like(contamination), contamination)


HALF = np.s_[:, : SIDE // 4]
CRYSTAL = np.s_[60:120, 80:140]


def test_half_of_a_micrograph_without_an_edge_is_not_contaminated(ice: np.ndarray) -> None:
    assert not visible_regions(maps_with(HALF), ice, particle_px=PARTICLE_PX).any()


@pytest.mark.parametrize("change", ["denser", "rougher"])
def test_what_differs_from_its_surroundings_is_contaminated(ice: np.ndarray, change: str) -> None:
    image = ice.copy()
    inside = np.s_[120:240, 160:280]
    image[inside] = image[inside] + 4 if change == "denser" else image[inside] * 4
    visible = visible_regions(maps_with(CRYSTAL), image, particle_px=PARTICLE_PX)
    assert visible[CRYSTAL].all()
    assert visible.sum() == visible[CRYSTAL].size
    xy = np.array([[220.0, 180.0], [400.0, 400.0]])
    on_it = find_contaminated(maps_with(CRYSTAL), image, xy, card=read_weights("general").card)
    assert on_it.tolist() == [True, False]


def test_a_crystal_counts_beside_a_false_region(ice: np.ndarray) -> None:
    image = ice.copy()
    image[120:240, 280:400] += 4
    maps = maps_with(HALF)
    maps.contamination[60:120, 140:200] = 0.95
    visible = visible_regions(maps, image, particle_px=PARTICLE_PX)
    assert not visible[HALF].any()
    assert visible[60:120, 145:195].all()


def test_everything_contaminated_has_no_edge(ice: np.ndarray) -> None:
    assert not visible_regions(maps_with(np.s_[:, :]), ice, particle_px=PARTICLE_PX).any()
