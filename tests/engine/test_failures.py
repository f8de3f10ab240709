import errno

import pytest
import torch

from engine.contract.pictures import BrokenPicture
from engine.failures import DataError, SettingError, failure, is_out_of_memory
from engine.free_memory import free_memory, require_memory
from engine.report import TimeLimit


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError("no pictures"), "data"),
        (BrokenPicture("a.png can no longer be read"), "data"),
        (SettingError("no such device"), "spec"),
        (MemoryError("needs 9 GB"), "memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "memory"),
        (OSError(errno.ENOSPC, "No space left on device", "a.png"), "disk"),
        (TimeLimit(), "time_limit"),
        (FloatingPointError("the loss became nan"), "error"),
        (KeyError("bank"), "error"),
    ],
)
def test_each_kind_of_failure_has_its_code_reason_and_hint(error, code):
    event = failure(error)
    assert event.code == code
    assert event.reason
    assert event.hint
    assert str(error) in event.reason or code == "time_limit"


def test_our_own_mistakes_are_named_as_such():
    event = failure(KeyError("bank"))
    assert event.reason == "KeyError: 'bank'"
    assert event.log == ["KeyError: 'bank'"]


def test_memory_is_refused_before_it_runs_out():
    assert free_memory() > 0
    require_memory(0, what="nothing", instead="")
    with pytest.raises(MemoryError, match=r"a bank needs 1024\.0 GB of memory, .* GB are free; take less"):
        require_memory(2**40, what="a bank", instead="take less")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("could not create a memory object"),
    ],
)
def test_refused_memory_is_recognised(error):
    assert is_out_of_memory(error)
    assert failure(error).code == "memory"


def test_what_torch_really_raises_is_recognised():
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**50, dtype=torch.uint8)
    assert is_out_of_memory(refused.value)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
