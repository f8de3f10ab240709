import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.layers import neighbours
from engine.layers.neighbours import Searcher, pair_distances

COARSE = [False, True]  # where the processor does not multiply bfloat16 itself, torch does it more slowly


@pytest.mark.parametrize("bfloat16", COARSE)
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31 - 1), st.integers(1, 300), st.sampled_from([0.0, 1.0, 1000.0]), st.sampled_from([1e-3, 1.0, 30.0]))  # fmt: skip
def test_finds_the_nearest_entry_wherever_the_bank_lies_and_however_narrow_it_is(bfloat16, seed, size, offset, spread):
    generator = torch.Generator().manual_seed(seed)
    bank = torch.randn(size, 24, generator=generator) * spread + offset
    queries = torch.cat([torch.randn(30, 24, generator=generator) * 2 * spread + offset, bank[:5]])
    distance, index = Searcher(bank, bfloat16=bfloat16).nearest(queries)
    exact = torch.linalg.vector_norm(queries.double().unsqueeze(1) - bank.double(), dim=2)
    torch.testing.assert_close(distance.double(), exact.amin(dim=1), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(exact.gather(1, index.unsqueeze(1)).squeeze(1), exact.amin(dim=1), rtol=1e-6, atol=0)


@pytest.mark.parametrize("bfloat16", COARSE)
def test_an_entry_is_at_distance_zero_from_itself_however_far_from_the_origin(bfloat16):
    bank = torch.randn(200, 16) + 1000
    distance, index = Searcher(bank, bfloat16=bfloat16).nearest(bank)
    assert distance.tolist() == [0.0] * 200
    assert index.tolist() == list(range(200))


@pytest.mark.parametrize("bfloat16", COARSE)
def test_pairs_nearer_than_a_limit_hold_each_nearest_entry_also_where_nothing_is_near_yet(bfloat16):
    generator = torch.Generator().manual_seed(5)
    bank, queries = torch.randn(80, 12, generator=generator), torch.randn(60, 12, generator=generator)
    exact = torch.cdist(queries.double(), bank.double()).square()
    than = exact.amin(dim=1) * torch.tensor([0.5, 1.5, torch.inf]).repeat(20)
    row, entry = Searcher(bank, bfloat16=bfloat16).closer(queries, than)
    found = torch.full((60,), torch.inf, dtype=torch.float64)
    found.scatter_reduce_(0, row, pair_distances(queries, row, bank, entry, dtype=torch.float64), "amin")
    has_one = than > exact.amin(dim=1)
    torch.testing.assert_close(found[has_one], exact.amin(dim=1)[has_one])


def test_of_copies_the_first_is_found():
    bank = torch.randn(10, 8).repeat(20, 1)
    assert Searcher(bank).nearest(bank)[1].tolist() == list(range(10)) * 20


def test_entries_too_close_together_for_the_coarse_pass_are_searched_one_by_one():
    bank = 5 + 1e-6 * torch.randn(3000, 8)
    queries = 5 + torch.randn(40, 8)
    distance, _ = Searcher(bank).nearest(queries)
    torch.testing.assert_close(distance, torch.cdist(queries, bank).amin(dim=1), rtol=1e-4, atol=1e-5)


def test_memory_is_bounded_by_chunks_that_do_not_change_the_result(monkeypatch):
    queries, bank = torch.randn(500, 8), torch.randn(150, 8)
    whole = Searcher(bank).nearest(queries)
    monkeypatch.setattr(neighbours, "CHUNK_ELEMENTS", 350)
    parts = Searcher(bank).nearest(queries)
    assert torch.equal(whole[0], parts[0])
    assert torch.equal(whole[1], parts[1])


def test_a_query_that_is_not_a_number_gets_no_distance():
    queries = torch.zeros(2, 4)
    queries[1] = torch.nan
    distance, _ = Searcher(torch.ones(5, 4)).nearest(queries)
    assert distance[0] == 2
    assert torch.isnan(distance[1])


def test_the_k_nearest_come_nearest_first_and_never_exceed_the_bank():
    bank = torch.tensor([[0.0], [1.0], [3.0]])
    distance, index = Searcher(bank).nearest_k(torch.tensor([[0.9]]), k=5)
    assert index.tolist() == [[1, 0, 2]]
    torch.testing.assert_close(distance, torch.tensor([[0.1, 0.9, 2.1]]))
