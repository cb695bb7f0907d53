"""The settings of an integration that travel in every image: an immutable version of them, copied by the normalizer."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tocsin_contracts.alert import LABEL_NAME_MAX, LABEL_VALUE_MAX
from tocsin_contracts.mapping import Mapping
from tocsin_contracts.times import SECOND

GATEWAY_AND_MAP = frozenset({"mapping", "sns_topics", "default_labels"})
"""Settings that the fold never reads: they stay out of images."""
DEFAULT_LABELS_MAX = 32
_PLAIN = r"^[^\x00-\x1f\x7f]*$"
_LabelName = Annotated[str, StringConstraints(min_length=1, max_length=LABEL_NAME_MAX, pattern=_PLAIN)]
_LabelValue = Annotated[str, StringConstraints(min_length=1, max_length=LABEL_VALUE_MAX, pattern=_PLAIN)]


class IntegrationSettings(BaseModel):
    """What the normalizer and the fold need to know of one version of an integration (DESIGN 3, "Normalizer").

    Immutable: a change is a new version. A delivery names the version it came in under, so that a replay reads the
    same settings. Unknown fields of a newer writer are ignored by older readers.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    dedup_window_s: int = Field(default=900, ge=0, le=604_800)
    """Content alone makes a duplicate only inside this window (D1, D3). Default 15 minutes."""
    group_window_s: int = Field(default=1800, ge=1, le=604_800)
    """How long an alert of a source that never resolves keeps its episode, and its group collects (E7, E8). Default 30 min."""
    silence_s: int = Field(default=86_400, ge=60, le=2_592_000)
    """An episode whose incident is over ends after this much ticked time without an event (DESIGN 3). Default 24 hours."""
    never_resolves: bool | None = None
    """Overrides what the source says of itself: True for an Alertmanager with `send_resolved: false`."""
    default_service: str | None = Field(default=None, max_length=200)
    default_environment: str | None = Field(default=None, max_length=200)
    default_labels: dict[_LabelName, _LabelValue] = Field(default_factory=dict, max_length=DEFAULT_LABELS_MAX)
    """Labels of each alert whose sender gave none of that name: which cluster, which region, whose it is."""
    environment_aliases: dict[str, str] = Field(default_factory=dict)
    """Extra foldings of environment names beside the built-in ones (E6), lower case to canonical."""
    mapping: Mapping | None = None
    """How a `generic` body becomes alerts; None for our own format. Checked by `tocsin_sources.mapping.validate_mapping`."""
    sns_topics: tuple[str, ...] = Field(default=(), max_length=50)
    """ARNs of the SNS topics whose messages are believed by their signature: any AWS account can have one signed."""

    @property
    def dedup_window(self) -> int:
        """The deduplication window in µs."""
        return self.dedup_window_s * SECOND

    @property
    def group_window(self) -> int:
        """The group window in µs."""
        return self.group_window_s * SECOND

    @property
    def silence(self) -> int:
        """The silence that ends an episode whose incident is over, in µs."""
        return self.silence_s * SECOND
