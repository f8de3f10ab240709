import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.layers import neighbours
from engine.layers.neighbours import nearest, nearest_k, squared_norms


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31 - 1), st.integers(1, 40))
def test_finds_the_nearest_entry(seed, size):
    generator = torch.Generator().manual_seed(seed)
    queries, bank = torch.randn(30, 8, generator=generator), torch.randn(size, 8, generator=generator)
    distance, index = nearest(queries, bank, squared_norms(bank))
    exact = torch.cdist(queries.double(), bank.double())
    torch.testing.assert_close(distance.double(), exact.amin(dim=1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(exact[torch.arange(30), index], exact.amin(dim=1), rtol=1e-5, atol=1e-5)


def test_an_entry_is_at_distance_zero_from_itself_however_far_from_the_origin():
    bank = torch.randn(200, 16) + 1000
    distance, _ = nearest(bank, bank, squared_norms(bank))
    assert distance.tolist() == [0.0] * 200


def test_memory_is_bounded_by_chunks_that_do_not_change_the_result(monkeypatch):
    queries, bank = torch.randn(100, 8), torch.randn(50, 8)
    whole = nearest(queries, bank, squared_norms(bank))
    monkeypatch.setattr(neighbours, "CHUNK_ELEMENTS", 350)
    parts = nearest(queries, bank, squared_norms(bank))
    assert torch.equal(whole[1], parts[1])


def test_the_k_nearest_come_nearest_first_and_never_exceed_the_bank():
    bank = torch.tensor([[0.0], [1.0], [3.0]])
    assert nearest_k(torch.tensor([[0.9]]), bank, squared_norms(bank), k=5).tolist() == [[1, 0, 2]]
