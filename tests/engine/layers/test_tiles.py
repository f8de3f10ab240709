import pytest
import torch
from torch.nn import functional

from engine.layers.tiles import cut, joint_cells, stitch


def places(size: int) -> torch.Tensor:
    """(1, 2, size, size): each pixel's y and x in [0, 1]."""
    line = (torch.arange(size) + 0.5) / size
    return torch.stack(torch.meshgrid(line, line, indexing="ij")).unsqueeze(0)


@pytest.mark.parametrize(("tiles", "overlap"), [(1, 0.25), (2, 0.0), (2, 0.25), (3, 0.5), (6, 0.1)])
def test_what_lies_somewhere_is_stitched_to_where_it_lay(tiles, overlap):
    images = places(480)
    grids = functional.adaptive_avg_pool2d(cut(images, tiles=tiles, overlap=overlap, cells=16), 16)
    joint = stitch(grids, tiles=tiles, overlap=overlap)
    side = joint_cells(tiles=tiles, overlap=overlap, cells=16)
    assert joint.shape == (1, 2, side, side)
    torch.testing.assert_close(joint, places(side), rtol=0, atol=1.5 / 480)  # tiles begin on whole pixels


def test_cells_seen_by_several_tiles_are_their_mean():
    grids = torch.tensor([0.0, 1.0, 2.0, 3.0]).view(4, 1, 1, 1).expand(4, 1, 2, 2)
    joint = stitch(grids, tiles=2, overlap=0.5)[0, 0]
    assert joint.tolist() == [[0.0, 0.5, 1.0], [1.0, 1.5, 2.0], [2.0, 2.5, 3.0]]


def test_tiles_of_one_image_stay_together():
    images = torch.stack([torch.zeros(3, 64, 64), torch.ones(3, 64, 64)])
    pieces = cut(images, tiles=2, overlap=0.25, cells=8)
    assert pieces.shape == (8, 3, 64, 64)
    assert pieces.mean(dim=(1, 2, 3)).tolist() == [0.0] * 4 + [1.0] * 4
