"""Map one batch: settings first, then the pure map, then the release guard's word."""

from collections.abc import Mapping, Sequence

from tocsin_contracts.integration import IntegrationSettings
from tocsin_contracts.outcome import Mapped
from tocsin_normalizer.domain.normalize import Normalizer, Opened, SettingsKey, open_record
from tocsin_normalizer.domain.record import Imaged
from tocsin_normalizer.domain.release import Judged, Regression
from tocsin_normalizer.ports import DeadMan, Versions
from tocsin_runtime.errors import Fatal
from tocsin_runtime.log import Entry, Record


class BatchMapper:
    """Turns batches of log records into images, in order, one for one."""

    def __init__(self, *, normalizer: Normalizer, versions: Versions, dead_man: DeadMan) -> None:
        self._normalizer = normalizer
        self._versions = versions
        self._dead_man = dead_man
        self._erased: frozenset[str] = frozenset()

    @property
    def release(self) -> str:
        """The release on every image."""
        return self._normalizer.release

    def known(self, source: str) -> str:
        """Give the source's name if this release knows it, else `unknown`."""
        return self._normalizer.known(source)

    async def settings(self, opened: Sequence[Opened]) -> dict[SettingsKey, IntegrationSettings]:
        """Find the settings that a batch names, and whose records are not read; versions that are not recorded are left out.

        Raises:
            Recoverable: the store does not answer and a version is not known from before: the batch waits.
        """
        found: dict[SettingsKey, IntegrationSettings] = {}
        wanted = dict.fromkeys(each.settings_key for each in opened)
        if any(key is not None for key in wanted):
            self._erased = await self._versions.erased()
        for key in wanted:
            if key is not None:
                settings = await self._versions.find(*key)
                if settings is not None:
                    found[key] = settings
        return found

    def map(
        self, opened: Sequence[Opened], settings: Mapping[SettingsKey, IntegrationSettings], *, condemn: bool = False
    ) -> list[Imaged]:
        """Map a batch; `condemn` fails its records without a look at their bodies. Dies if it takes too long."""
        with self._dead_man.armed():
            erased = self._erased
            return [
                self._normalizer.image(each, settings, condemned=condemn, erased=bool(erased) and each.tenant in erased)
                for each in opened
            ]


def open_batch(records: Sequence[Record]) -> list[Opened]:
    """Read the headers of a batch, once."""
    return [open_record(record) for record in records]


def entries(images: Sequence[Imaged]) -> list[Entry]:
    """Give what is written for a batch."""
    return [Entry(image.key, image.value, image.headers) for image in images]


def judged(images: Sequence[Imaged]) -> list[Judged]:
    """Give the outcomes of a batch's deliveries."""
    return [Judged(image.source, image.mapped is Mapped.FAILED) for image in images if image.mapped is not None]


def refusal(partition: int, release: str, regression: Regression) -> Fatal:
    """Say why this release does not write, and what to do."""
    return Fatal(
        f"release {release} fails {regression.failed} of the first {regression.seen} deliveries of source {regression.source} in "
        f"partition {partition}; {regression.history_failed} of the last {regression.history_seen} failed before it: "
        "nothing of this batch was written. "
        "Go back to the former release, or set TOCSIN_NORMALIZER_RELEASE_GUARD=off to write them as they are"
    )
