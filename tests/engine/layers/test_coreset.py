import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.layers import neighbours
from engine.layers.coreset import greedy_coreset

coordinates = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=60)


@pytest.fixture(autouse=True, params=[False, True], ids=["float32", "bfloat16"], scope="module")
def _as_processors_of_both_kinds_compute(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "multiplies_bfloat16", lambda device: request.param)
        yield


def plain_greedy(points: torch.Tensor, size: int, first: int) -> list[int]:
    """The textbook loop: after each pick look at every point."""
    points = points.double()
    farness = torch.full((len(points),), torch.inf, dtype=torch.float64)
    picked = [first]
    while len(picked) < min(size, len(points)):
        distance = ((points - points[picked[-1]]) ** 2).sum(dim=1)
        farness = torch.minimum(farness, distance)
        best = int(farness.argmax())
        if farness[best] <= 0:
            break
        picked.append(best)
    return picked


@settings(deadline=None)
@given(coordinates, st.integers(1, 60), st.integers(1, 12), st.data())
def test_picks_what_the_plain_loop_picks_with_ties_and_copies(points, size, pool_size, data):
    first = data.draw(st.integers(0, len(points) - 1))
    cloud = torch.tensor(points, dtype=torch.float32)
    found = greedy_coreset(cloud, size=size, first=first, pool_size=pool_size)
    assert found.tolist() == plain_greedy(cloud, size, first)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31 - 1))
def test_picks_what_the_plain_loop_picks_among_real_numbers(seed):
    cloud = torch.randn(400, 24, generator=torch.Generator().manual_seed(seed))
    assert greedy_coreset(cloud, size=120, first=7, pool_size=16).tolist() == plain_greedy(cloud, 120, 7)


def test_keeps_no_copies():
    cloud = torch.ones(50, 3)
    assert greedy_coreset(cloud, size=10).tolist() == [0]


def test_tells_its_progress_up_to_the_end():
    told: list[tuple[int, int]] = []
    greedy_coreset(torch.randn(300, 4), size=100, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (100, 100)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
