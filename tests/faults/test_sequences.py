"""Random sequences of changes and faults: whatever happens, in the end the world sees what is wanted, and only that.

``CIS_SEQUENCES=200`` runs that many, ``CIS_SEED=17`` runs this one alone. A seed gives the same steps; when a killed
process dies, and so what it had done by then, is the machine's to say.
"""

from __future__ import annotations

import os

import pytest

from tests.faults.installation import Installation
from tests.faults.steps import Story
from tests.faults.wanted import assert_jobs_ended, assert_so

STEPS_LEAST, STEPS_MOST = 8, 16


def _seeds() -> list[int]:
    chosen = os.environ.get("CIS_SEED")
    return [int(chosen)] if chosen else list(range(int(os.environ.get("CIS_SEQUENCES", "20"))))


@pytest.mark.parametrize("seed", _seeds())
def test_whatever_happens_the_world_sees_what_is_wanted(panel: Installation, seed: int) -> None:
    story = Story(panel, seed)
    panel.start_worker()
    try:
        for _ in range(story.dice.randint(STEPS_LEAST, STEPS_MOST)):
            story.step()
        story.end()
        assert_so(panel, story.boxes)
        assert_jobs_ended(panel)
    except BaseException as error:
        error.add_note("\n  ".join([f"CIS_SEED={seed}", *story.told, panel.what_happened()]))
        raise
