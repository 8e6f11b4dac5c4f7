"""Pictures of the console in README and documentation: taken of the demo, and compared with what is committed.

`make screenshots` takes them anew. They are compared small and blurred, so that a font or a pixel is no difference.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser

from counterfoil.demo.play import StoryInput
from counterfoil.demo.play_in_process import play_in_process
from counterfoil.runtime.clock import going_on
from tests.browser.reader import Reader
from tests.e2e.running import Shell, serving

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"
WRITE: Final = "COUNTERFOIL_WRITE_SCREENSHOTS"
MOST_BYTES: Final = 150_000
ALIKE: Final = 8.0  # of 255, the mean difference of the blurred pictures
SHOTS: Final = {
    "console-market.png": ("market", 1180),
    "console-start-up.png": ("start-up/amber-anvil", 900),
    "console-issuer.png": ("issuer/larkhaven", 900),
}
"""By file: the page, and how much of its height is shown."""
BLURRED: Final = """async (sources) => {
  const [one, other] = await Promise.all(sources.map(async (source) => {
    const picture = new Image();
    picture.src = source;
    await picture.decode();
    const canvas = new OffscreenCanvas(64, 48);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, 64, 48);
    return context.getImageData(0, 0, 64, 48).data;
  }));
  return one.reduce((sum, value, at) => sum + Math.abs(value - other[at]), 0) / one.length;
}"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """The first weeks of the demo, served."""
    shell = Shell(tmp_path_factory.mktemp("demo") / "home")
    play_in_process(shell.home, StoryInput.load(1, None, None, 6), lambda *_: None)
    shell.more["COUNTERFOIL_CLOCK"] = str(shell.home / "clock")
    with going_on(shell.home / "clock"), serving(shell):
        yield shell


@pytest.mark.drill
@pytest.mark.parametrize("name", SHOTS)
def test_a_picture_shows_the_page_as_it_is(chromium: Browser, demo: Shell, name: str) -> None:
    path, height = SHOTS[name]
    reader = Reader(chromium, demo.url, viewport={"width": 1240, "height": height}, timezone_id="UTC")
    page = reader.open(path)
    page.locator(".badge[data-state=checking]").first.wait_for(state="detached")
    taken = page.screenshot()
    file = FOLDER / name
    if os.environ.get(WRITE):
        file.write_bytes(taken)
    assert len(taken) < MOST_BYTES
    assert file.exists(), "make screenshots"
    blank = reader.context.new_page()
    sources = [f"data:image/png;base64,{b64encode(each).decode()}" for each in (taken, file.read_bytes())]
    assert blank.evaluate(BLURRED, sources) < ALIKE, "make screenshots"
    assert reader.unexpected() == []
    reader.close()
