"""Pictures of micrographs."""

import os
import shutil
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from cryoglean.engine import RunFolder
from cryoglean.engine.results import write_config
from cryoglean.errors import MicrographError
from cryoglean.io import write_mrc
from cryoglean.io.formats import read_picks
from cryoglean.pickers.settings import PickConfig
from cryoglean.types import MicrographFile
from cryoglean.viewer import pictures
from cryoglean.viewer.overlays import Overlays
from cryoglean.viewer.pictures import Kept, Pictures, levels
from tests.viewer.conftest import Pages
from tests.viewer.test_api import until


def decoded(picture: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A micrograph of odd sides, with one dark disc and one hot pixel."""
    y, x = np.mgrid[:2051, :3001]
    image = np.random.default_rng(0).normal(100, 3, (2051, 3001)).astype(np.float32)
    image[(y - 500) ** 2 + (x - 2400) ** 2 < 150**2] -= 12
    image[7, 7] = 1e6
    write_mrc(tmp_path / "large.mrc", image, pixel_size=2.0)
    return tmp_path / "large.mrc"


def test_levels_halve_down_to_what_a_screen_shows() -> None:
    assert levels((4096, 4096)) == [(4096, 4096), (2048, 2048), (1024, 1024)]
    assert levels((2051, 3001)) == [(2051, 3001), (1026, 1501), (513, 751)]
    assert levels((200, 300)) == [(200, 300)]


@pytest.mark.parametrize("level", [0, 1, 2, 9])
def test_every_level_shows_the_whole_micrograph(large: Path, tmp_path: Path, level: int) -> None:
    picture = decoded(Pictures(tmp_path).picture(MicrographFile(large), level, lowpass=60.0))
    shape = levels((2051, 3001))[min(level, 2)]
    assert picture.shape == shape
    assert picture.dtype == np.uint8
    dark = picture < np.median(picture) - 60
    found = np.array([np.median(axis) for axis in np.nonzero(dark)])
    # Pixel centres of all levels are mapped as areas, not as corners.
    step = np.array((2051, 3001)) / shape
    np.testing.assert_allclose((found + 0.5) * step - 0.5, (500, 2400), atol=4)
    # The hot pixel does not flatten the rest.
    assert 20 < picture.std() < 100


def test_the_low_pass_takes_noise_away(large: Path, tmp_path: Path) -> None:
    made = Pictures(tmp_path)
    raw, smooth = (decoded(made.picture(MicrographFile(large), 0, lowpass=length)) for length in (0.0, 40.0))

    def grain(image: np.ndarray) -> float:
        return float(np.diff(image.astype(float)[1000:]).std() / image[1000:].std())

    assert grain(raw) > 1.2
    assert grain(smooth) < 0.3


def test_a_thumbnail_is_kept_until_the_micrograph_changes(large: Path, tmp_path: Path) -> None:
    made = Pictures(tmp_path / "thumbnails")
    small = made.thumbnail(MicrographFile(large), "large", lowpass=40.0)
    assert decoded(small).shape == (109, 160)
    large.rename(tmp_path / "away.mrc")
    with pytest.raises(MicrographError):
        made.thumbnail(MicrographFile(large), "large", lowpass=40.0)
    (tmp_path / "away.mrc").rename(large)
    # Another program finds it on the disk.
    kept = tmp_path / "thumbnails" / "large.jpg"
    assert kept.read_bytes() == small
    status = kept.stat()
    kept.write_bytes(b"kept")
    os.utime(kept, ns=(status.st_mtime_ns, status.st_mtime_ns))
    assert (
        Pictures(tmp_path / "thumbnails").thumbnail(MicrographFile(large), "large", lowpass=40.0) == b"kept"
    )
    os.utime(large, ns=(1, 1))
    assert Pictures(tmp_path / "thumbnails").thumbnail(MicrographFile(large), "large", lowpass=40.0) == small


def test_a_changed_micrograph_is_read_again(large: Path, tmp_path: Path) -> None:
    made = Pictures(tmp_path)
    before = made.picture(MicrographFile(large), 2, lowpass=0.0)
    assert made.picture(MicrographFile(large), 2, lowpass=0.0) is before
    write_mrc(large, np.random.default_rng(1).normal(0, 1, (300, 400)), pixel_size=2.0)
    assert decoded(made.picture(MicrographFile(large), 2, lowpass=0.0)).shape == (300, 400)


def test_what_is_kept_has_a_bound_and_is_made_once() -> None:
    kept: Kept[bytes] = Kept(10, len)
    made: list[int] = []

    def make(number: int) -> bytes:
        made.append(number)
        time.sleep(0.02)
        return bytes(4)

    threads = [threading.Thread(target=kept.get, args=(1, lambda: make(1))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    for number in (2, 1, 3, 1, 2):
        kept.get(number, lambda number=number: make(number))
    # There is room for two; 2 was used longest ago when 3 came.
    assert made == [1, 2, 3, 2]
    assert len(kept.get("large", lambda: bytes(99))) == 99
    with pytest.raises(ZeroDivisionError):
        kept.get("never", lambda: bytes(1 // 0))
    assert kept.get("never", lambda: b"now") == b"now"


def test_pages_get_pictures(page: TestClient) -> None:
    for what in ("image", "image?level=3", "image?lowpass=0", "thumbnail"):
        answer = page.get(f"/api/micrographs/0/{what}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        assert decoded(answer.content).max() > 200
    assert page.get("/api/micrographs/0/levels").json() == {"levels": [{"width": 200, "height": 200}]}
    for wrong in ("level=-1", "level=99", "lowpass=-1", "lowpass=nan", "lowpass=inf", "level=x"):
        assert page.get(f"/api/micrographs/0/image?{wrong}").status_code == 422


def test_a_micrograph_that_cannot_be_read_is_told(page: TestClient) -> None:
    for what in ("image", "thumbnail", "levels"):
        answer = page.get(f"/api/micrographs/3/{what}")
        assert answer.status_code == 404
        assert "mic3.mrc" in answer.json()["detail"]


def test_micrographs_are_found_from_wherever_the_viewer_is_started(
    open_page: Pages, folder: RunFolder, picked: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(picked / "data", tmp_path / "data")
    folder.inputs.write_text("".join(f"data/mic{k}.mrc\n" for k in range(4)))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert open_page().get("/api/micrographs/0/image").status_code == 200


def test_no_more_micrographs_are_read_at_once_than_allowed(
    page: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, most = 0, 0
    lock = threading.Lock()
    read = pictures.read_micrograph

    def counting(*args: object, **given: object) -> object:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        try:
            return read(*args, **given)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(pictures, "read_micrograph", counting)
    urls = [f"/api/micrographs/{k}/image?level=0&lowpass={length}" for k in range(3) for length in (0, 30)]
    threads = [threading.Thread(target=page.get, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < most <= 2


def test_what_the_picker_sees_can_be_laid_over(page: TestClient, folder: RunFolder) -> None:
    answer = page.get("/api/micrographs/0/overlay/particle")
    assert answer.headers["content-type"] == "image/png"
    grey = decoded(answer.content)
    picks = read_picks(folder.star("mic0"))[0]
    # It is coarser than the micrograph, which it covers as a whole.
    column, row = np.floor((picks.xy + 0.5) * np.array(grey.shape[::-1]) / 200).astype(int).T
    assert np.median(grey[row, column]) > 2 * np.median(grey)
    assert page.get("/api/micrographs/0/overlay/secret").status_code == 422
    assert page.get("/api/micrographs/3/overlay/particle").status_code == 404


def test_networks_show_contamination_whatever_the_picks_were_made_by(page: TestClient, picked: Path) -> None:
    config = PickConfig(method="network", diameter=96.0, contrast="dark")
    overlays, micrograph = Overlays(), MicrographFile(picked / "data" / "mic0.mrc")
    found = {what: overlays.get(micrograph, what, config) for what in ("particle", "contamination")}
    particle, contamination = map(decoded, found.values())
    # Both cover the micrograph; particles are told pixel by pixel.
    assert abs(particle.shape[0] - 2 * contamination.shape[0]) <= 1
    assert particle.max() > 200 > contamination.mean()
    # The run of the page has the method 'unsupervised'.
    assert page.get("/api/micrographs/0/overlay/contamination").content == found["contamination"]


def test_a_method_without_a_map_says_so(page: TestClient, folder: RunFolder) -> None:
    write_config(folder.config, PickConfig(method="paper", diameter=96.0, contrast="dark", min_score=0.15))
    until(lambda: page.get("/api/run").json()["method"] == "paper")
    missing = page.get("/api/micrographs/0/overlay/particle")
    assert missing.status_code == 404
    assert "'paper' has no map of particle" in missing.json()["detail"]
