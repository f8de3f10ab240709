"""Exact nearest neighbours by Euclidean distance, in bounded memory, with all that depends on the bank alone computed once.

A coarse pass compares every query with every entry in one matrix product, in bfloat16 where the processor multiplies that
natively. How far its rounding can be off is bounded, not guessed; entries within the bound of the best, one to three per
query as a rule, are compared again by their differences in float32. So the neighbour found is the nearest, and a vector's
distance to itself is exactly 0.
"""

from dataclasses import dataclass

import torch

CHUNK_ELEMENTS = 2**22  # of the matrix of coarse distances held at a time on a CPU: what stays in its cache
CHUNK_ELEMENTS_GPU = 2**26
LEAST_ROWS = 64  # of queries in a chunk: fewer make slow matrix products
LEAST_GROUPS = (
    64  # of entries looked at as one while candidates are sought; so many, that vector instructions are filled
)
LARGEST_GROUP = 64
LEAST_CROWD, ENTRIES_PER_PAIR = 4, 500  # to measure a pair takes as long as to compare with so many entries coarsely
FLOAT32_STEP = 2.0**-24
BFLOAT16_STEP = 2.0**-9


@dataclass(frozen=True)
class Neighbour:
    """A good patch that a model remembers: the picture it is of (a position in `remembered`), where, how far off.

    x and y are the patch's middle in [0, 1] of that picture; distance is in the model's feature space.
    """

    image: int
    x: float
    y: float
    distance: float


def squared_norms(points: torch.Tensor) -> torch.Tensor:
    """(N, D) -> (N,)."""
    return torch.einsum("nd,nd->n", points, points)


class Searcher:
    """Finds the nearest of M entries (M, D) for queries (Q, D).

    Coarse, an entry b counts by q.b - |b|^2 / 2, which is the larger the nearer it is. All are taken relative to the bank's
    mean: the smaller the numbers, the smaller their rounding.
    """

    def __init__(self, bank: torch.Tensor, *, bfloat16: bool | None = None):
        """`bfloat16` None: if this processor multiplies it natively."""
        self.bank = bank
        self.centre = bank.mean(dim=0)
        self.half_norms = squared_norms(bank - self.centre) / 2
        self.groups = max(LEAST_GROUPS, -(-len(bank) // (32 * LARGEST_GROUP)) * 32)
        self._round(multiplies_bfloat16(bank.device) if bfloat16 is None else bfloat16)

    def _round(self, bfloat16: bool) -> None:
        """The table that is compared with coarsely, and how far its entries are from the real ones."""
        self.bfloat16 = bfloat16
        centred = self.bank - self.centre
        rounded = centred.to(torch.bfloat16 if bfloat16 else torch.float32)
        self.largest = float(centred.norm(dim=1).max())
        self.largest_error = float((centred - rounded.float()).norm(dim=1).max())
        self.largest_half_norm = float(self.half_norms.max())
        # the half norms as three more columns: three bfloat16 hold the digits of one float32
        columns = [rounded, *(part.unsqueeze(1) for part in _in_parts(-self.half_norms, rounded.dtype))]
        spare = -len(self.bank) % self.groups
        self.coarse = torch.nn.functional.pad(torch.cat(columns, dim=1), (0, 0, 0, spare))  # (M', D + 3)
        self.coarse[len(self.bank) :, -3] = -1e30  # filling, farther than any entry

    def nearest(self, queries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Distance (Q,) to the nearest entry and its index (Q,)."""
        index = torch.cat([self._nearest_index(part) for part in torch.split(queries, self._rows(queries))])
        return torch.linalg.vector_norm(queries - self.bank[index], dim=1), index

    def nearest_k(self, queries: torch.Tensor, *, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Distances (Q, k) to the k nearest entries, nearest first, and their indices; fewer where the bank is smaller."""
        k = min(k, len(self.bank))
        rows = max(1, (CHUNK_ELEMENTS_GPU if queries.is_cuda else CHUNK_ELEMENTS) // len(self.bank))
        found = []
        for part in torch.split(queries, rows):
            nearness = torch.addmm(-self.half_norms, part - self.centre, (self.bank - self.centre).T)
            found.append(nearness.topk(min(len(self.bank), k + 3), dim=1).indices)  # 3 more for what rounding misplaced
        index = torch.cat(found)
        distance = torch.stack(
            [torch.linalg.vector_norm(queries - self.bank[column], dim=1) for column in index.unbind(1)], dim=1
        )
        distance, order = distance.sort(dim=1, stable=True)
        return distance[:, :k], index.gather(1, order)[:, :k]

    def closer(self, queries: torch.Tensor, than: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Pairs (query, entry) that hold, for each query with an entry nearer than `than`, its nearest entry.

        Some pairs more may come along; their distances decide. `than` (Q,) is squared, infinite where nothing is near yet.
        None: there would be so many that all distances are found sooner.
        """
        found, start = [], 0
        for part in torch.split(queries, self._rows(queries)):
            pairs = self._candidates(part, than[start : start + len(part)])
            if pairs is None:
                return None
            found.append((pairs[0] + start, pairs[1]))
            start += len(part)
        rows, entries = zip(*found, strict=True)
        return torch.cat(rows), torch.cat(entries)

    def _rows(self, queries: torch.Tensor) -> int:
        """Queries in a chunk."""
        held = CHUNK_ELEMENTS_GPU if queries.is_cuda else CHUNK_ELEMENTS
        return max(LEAST_ROWS, held // len(self.coarse))

    def _nearest_index(self, queries: torch.Tensor) -> torch.Tensor:
        """Index (Q,) of the nearest entry; of equally near ones the lowest."""
        pairs = self._candidates(queries)
        if pairs is None:
            return self._one_by_one(queries)
        row, entry = pairs
        distance = pair_distances(queries, row, self.bank, entry, dtype=torch.float32)
        best = distance.new_full((len(queries),), torch.inf).scatter_reduce(0, row, distance, "amin")
        wins = distance == best[row]
        none = entry.new_full((len(queries),), len(self.bank))
        index = none.scatter_reduce(0, row[wins], entry[wins], "amin")
        return torch.where(index < len(self.bank), index, 0)  # a query that is not a number has no candidates

    def _candidates(
        self, queries: torch.Tensor, than: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Pairs (row, entry) among which the nearest entry of each query is; None where they are too many.

        Where entries lie too close together for bfloat16, float32 is taken from then on.
        """
        pairs = self._coarsely(queries, than)
        if pairs is None and self.bfloat16:
            self._round(bfloat16=False)
            pairs = self._coarsely(queries, than)
        return pairs

    def _coarsely(self, queries: torch.Tensor, than: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor] | None:
        crowd = max(LEAST_CROWD, len(self.bank) // ENTRIES_PER_PAIR) * len(queries)
        centred = queries - self.centre
        rounded = centred.to(self.coarse.dtype)
        table = torch.cat([rounded, rounded.new_ones(len(rounded), 3)], dim=1) @ self.coarse.T  # (Q, M')
        grouped = table.view(len(queries), -1, self.groups)  # entries of a group lie a group count apart
        best_of_group = grouped.amax(dim=1)  # (Q, groups)
        least = self._least(centred, rounded, best_of_group.amax(dim=1).float(), than)  # (Q,)
        row, group = (best_of_group >= least.unsqueeze(1)).nonzero(as_tuple=True)
        if len(row) > crowd:
            return None
        candidate, place = (grouped[row, :, group] >= least[row].unsqueeze(1)).nonzero(as_tuple=True)
        row, entry = row[candidate], place * self.groups + group[candidate]
        return None if len(row) > crowd else (row, entry)

    def _least(
        self, centred: torch.Tensor, rounded: torch.Tensor, best: torch.Tensor, than: torch.Tensor | None
    ) -> torch.Tensor:
        """(Q,): what the coarse value of the nearest entry reaches at least, by the best coarse value and by `than`."""
        length = centred.norm(dim=1)
        error = (centred - rounded.float()).norm(dim=1)
        step = 2 * BFLOAT16_STEP if self.bfloat16 else 0.0  # the table itself is rounded
        # products of rounded numbers (Cauchy-Schwarz), then float32 sums, norms and differences from the centre
        product = error * self.largest + (length + error) * self.largest_error
        sums = (centred.shape[1] + 8) * 2 * FLOAT32_STEP * (length * (self.largest + length) + self.largest_half_norm)
        off = product + sums
        least: torch.Tensor = best - 2.02 * off - 1.01 * step * best.abs()
        if than is not None:
            needed = (length.square() - than.float()) / 2 - off  # -inf where nothing is near yet, and stays so
            least = torch.maximum(least, torch.where(needed > 0, 1 - step, 1 + step) * needed)
        return least

    def _one_by_one(self, queries: torch.Tensor) -> torch.Tensor:
        """The plain search in float32, for banks whose entries lie too close together for the coarse pass."""
        centred, entries = queries - self.centre, self.bank - self.centre
        rows = max(1, CHUNK_ELEMENTS // len(entries))
        return torch.cat(
            [torch.addmm(-self.half_norms, part, entries.T).argmax(dim=1) for part in torch.split(centred, rows)]
        )


def nearest_plainly(queries: torch.Tensor, bank: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """As `Searcher.nearest`, in operations that a file for another runtime can hold: one product, then the distance itself.

    Of entries that lie equally near within the rounding of float32 any may be found.
    """
    centre = bank.mean(dim=0)
    entries = bank - centre
    index = torch.addmm(-squared_norms(entries) / 2, queries - centre, entries.T).argmax(dim=1)
    return torch.linalg.vector_norm(queries - bank[index], dim=1), index


def nearest_k_plainly(queries: torch.Tensor, bank: torch.Tensor, *, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """As `Searcher.nearest_k`, likewise."""
    centre, wanted = bank.mean(dim=0), min(k + 3, bank.shape[0])
    entries = bank - centre
    index = (
        torch.addmm(-squared_norms(entries) / 2, queries - centre, entries.T).topk(wanted, dim=1).indices
    )  # (Q, k + 3)
    columns = [torch.linalg.vector_norm(queries - bank[column], dim=1) for column in index.unbind(1)]
    distance, order = torch.stack(columns, dim=1).sort(dim=1)
    return distance[:, :k], index.gather(1, order)[:, :k]


def pair_distances(
    first: torch.Tensor, i: torch.Tensor, second: torch.Tensor, j: torch.Tensor, *, dtype: torch.dtype
) -> torch.Tensor:
    """Squared distances (L,) between first[i] and second[j], computed from their differences in `dtype`."""
    pairs = max(1, CHUNK_ELEMENTS // first.shape[1])
    parts = [
        (first[one].to(dtype) - second[other].to(dtype)).square().sum(dim=1)
        for one, other in zip(torch.split(i, pairs), torch.split(j, pairs), strict=True)
    ]
    return torch.cat(parts)


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the CPU has instructions for it; elsewhere float32 is taken, which needs no second look on a GPU."""
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _in_parts(values: torch.Tensor, dtype: torch.dtype) -> list[torch.Tensor]:
    """Three numbers of `dtype` that sum up to each value."""
    parts = []
    for _ in range(3):
        parts.append(values.to(dtype))
        values = values - parts[-1].float()
    return parts
