"""How an incident behaves is read as it was told, and what is as by default is not told."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.grouper.streams import QUICKLY
from tocsin_grouper.domain.policy import DEFAULT_POLICY, Policy, read, told

SECONDS = st.integers(0, 30 * 86_400)
POLICIES = st.builds(
    Policy, never_by_itself=st.booleans(), quiet_s=SECONDS, silent_s=st.none() | SECONDS, flapping_s=SECONDS,
    spike_s=st.none() | SECONDS,
)  # fmt: skip


@QUICKLY
@given(POLICIES)
def test_a_policy_is_read_as_it_was_told(policy: Policy) -> None:
    assert read(told(policy)) == policy
    assert read({**told(policy), "of_a_newer_release": 1}) == policy


def test_the_default_is_told_by_nothing() -> None:
    assert told(DEFAULT_POLICY) == {}
    assert read({}) is DEFAULT_POLICY
