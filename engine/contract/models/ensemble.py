"""Ensemble: what can be asked of it, and what it costs."""

from typing import Annotated, Literal

from pydantic import Field

from engine.contract.models.detector import Cost, DetectorParams, Work
from engine.contract.models.families import takes_one_epoch


class EnsembleParams(DetectorParams):
    name: Literal["ensemble"] = "ensemble"
    title = "Ensemble"
    family = "ensemble"
    stages = ()
    joins_runs = True
    paper = "Vovk and Wang, Combining p-values via averaging, Biometrika 2020, https://arxiv.org/abs/1212.4966"
    summary = "puts two to four finished models of the same data together; steadier than each of them"
    default_batch_size = 8
    needs_weights = False

    members: list[Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]] = Field(
        min_length=2,
        max_length=4,
        description="the finished runs whose models are put together: 2 to 4, of the same data set and split",
    )
    combine: Literal["p_values", "ranks"] = Field(
        default="p_values",
        description="p_values: how rare each score is among held-out good images; ranks: its rank among them alone, for very few images",
    )

    def settle(self, *, epochs: int, threshold_policy: str) -> None:
        takes_one_epoch(self, epochs, why="nothing is learnt anew")
        if threshold_policy == "leave_one_out":
            raise ValueError(
                "threshold_policy is 'leave_one_out', but the members of an ensemble cannot be fitted anew; "
                "take auto, split_conformal or percentile"
            )

    @classmethod
    def without_effect(cls) -> set[str]:
        """Each member was trained already, with settings of its own."""
        learnt = {"epochs", "validation_share", "precision", "normalisation", "augmentation", "seed"}
        return super().without_effect() | learnt | {"calibration_share", "threshold_policy"}

    @property
    def built_on(self) -> list[str]:
        return self.members

    def forward_gmacs(self, work: Work) -> float:
        return super().forward_gmacs(work) * len(self.members)

    def learning(self, work: Work) -> Cost:
        return Cost()
