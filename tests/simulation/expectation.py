"""What must become of a story as the log holds it: a second, smaller opinion than the fold's."""

from tests.simulation.deliveries import Kind, Told
from tocsin_contracts.outcome import Outcome


class StoryExpectation:
    """Follows one story through the log."""

    def __init__(self) -> None:
        self._last: str | None = None
        self._episode = -1
        self._over = False
        self._senders: set[str] = set()

    def expect(self, told: Told) -> Outcome:
        """Give the outcome of the story's next delivery in the log (P4)."""
        if told.kind is not Kind.EVENT:
            return Outcome.FAILED
        if told.sender_id is not None:
            return self._event(told.sender_id, told)
        if told.key == self._last:
            return Outcome.DUPLICATE
        if told.source == "alertmanager":
            self._group(told)
        else:
            self._last = told.key
        return Outcome.PROCESSED

    def _event(self, sender_id: str, told: Told) -> Outcome:
        if sender_id in self._senders:
            return Outcome.DUPLICATE
        self._senders.add(sender_id)
        self._last = told.key
        return Outcome.PROCESSED

    def _group(self, told: Told) -> None:
        """Take a group's news; what came late (an attempt that was given up, stored all the same) changes nothing."""
        late = told.episode < self._episode or (told.episode == self._episode and self._over and not told.resolves)
        if not late:
            self._last, self._episode, self._over = told.key, told.episode, told.resolves
