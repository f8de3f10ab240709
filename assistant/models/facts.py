"""What stands of a version when it is registered: figures at its threshold, and what it comes from. It does not change any more."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from assistant.models.gate import Share


class VersionFacts(BaseModel):
    """As stored with the version; one that an older program registered may lack what has a default."""

    model_config = ConfigDict(extra="allow", frozen=True)

    metrics: dict[str, float | None] = {}
    escapes: dict[str, Share] = Field(default={}, description="test images judged wrongly, by defect type or class")
    overkill: Share | None = Field(default=None, description="good test images judged wrongly")
    only_made_up: bool = Field(default=False, description="whether only made-up defects were tested")
    spec: dict[str, Any] = {}
    subject: str = Field(default="", description="the detector or classifier that was trained")
    dataset: str = ""
    fingerprint: str | None = Field(default=None, description="of the data set: its version")
    data_licence: str | None = None
    weights: dict[str, Any] = {}
    built_on: list[str] = Field(default=[], description="finished runs that it extends, or is put together from")
    earlier_data: list[str] = Field(
        default=[], description="data sets of those whose memory it extends, the oldest first"
    )
    licences: list[str] = Field(default=[], description="of all that it comes from")
    non_commercial: list[str] = Field(default=[], description="those of them that forbid use in a business")
    synthetic: bool = False
    libraries: dict[str, str] = Field(default={}, description="versions of those that trained it")
    code: str = Field(default="", description="version of Murascope that registered it")
    trained: float | None = Field(default=None, description="seconds since 1970")
    model_digest: str | None = Field(default=None, description="SHA-256 of the list of its files' checksums")

    @property
    def missed(self) -> Share:
        """All types together."""
        return sum(wrong for wrong, _ in self.escapes.values()), sum(count for _, count in self.escapes.values())
