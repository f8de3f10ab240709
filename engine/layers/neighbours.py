"""Exact nearest neighbours by Euclidean distance, in bounded memory, with the bank's norms computed once."""

import torch

CHUNK_ELEMENTS = 2**24  # of the distance matrix held at a time: 64 MB in float32


def squared_norms(points: torch.Tensor) -> torch.Tensor:
    """(N, D) -> (N,)."""
    return torch.einsum("nd,nd->n", points, points)


def nearest(queries: torch.Tensor, bank: torch.Tensor, bank_norms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Distance (Q,) to the nearest bank entry of each query (Q, D), and its index (Q,).

    The neighbour is chosen by |q|^2 - 2 q.b + |b|^2, which loses digits for near-duplicates; its distance is then computed
    directly, so an entry's distance to itself is exactly 0.
    """
    rows = max(1, CHUNK_ELEMENTS // max(1, len(bank)))
    indices = [_argmin(part, bank, bank_norms) for part in torch.split(queries, rows)]
    index = torch.cat(indices)
    return torch.linalg.vector_norm(queries - bank[index], dim=1), index


def nearest_k(queries: torch.Tensor, bank: torch.Tensor, bank_norms: torch.Tensor, *, k: int) -> torch.Tensor:
    """Indices (Q, k) of the k nearest bank entries, nearest first; fewer where the bank is smaller."""
    k = min(k, len(bank))
    rows = max(1, CHUNK_ELEMENTS // max(1, len(bank)))
    return torch.cat(
        [(bank_norms - 2 * part @ bank.T).topk(k, dim=1, largest=False).indices for part in torch.split(queries, rows)]
    )


def _argmin(queries: torch.Tensor, bank: torch.Tensor, bank_norms: torch.Tensor) -> torch.Tensor:
    # |q|^2 is the same for all entries: it does not change which is the nearest
    return torch.addmm(bank_norms, queries, bank.T, alpha=-2).argmin(dim=1)
