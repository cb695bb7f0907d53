"""Quotas, failed authentications by address, and whose address a request has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_runtime.address import Addresses, networks, origin
from tocsin_runtime.buckets import Buckets, Quota, policy
from tocsin_runtime.clock import ManualClock
from tocsin_runtime.limits import Failures
from tocsin_runtime.rate_fields import limit_field, policy_field, retry_after

SECOND = 1_000_000_000


def test_a_burst_is_allowed_and_one_more_is_not() -> None:
    buckets, quota = Buckets(most=10), (policy("tenant", "a", Quota(60, 3)),)

    assert [buckets.count(quota, 0)[0].remaining for _ in range(3)] == [2, 1, 0]
    over = buckets.count(quota, 0)[0]

    assert over.limited
    assert retry_after([over]) == 1
    assert buckets.look(quota, 0)


def test_a_quota_comes_back_at_its_rate() -> None:
    buckets, quota = Buckets(most=10), (policy("tenant", "a", Quota(60, 1)),)
    buckets.count(quota, 0)

    assert buckets.look(quota, SECOND - 1)
    assert buckets.look(quota, SECOND) is None
    assert not buckets.count(quota, SECOND)[0].limited


def test_a_request_refused_by_one_quota_is_counted_by_none() -> None:
    buckets = Buckets(most=10)
    wide, narrow = policy("integration", "a", Quota(60, 5)), policy("tenant", "t", Quota(60, 1))
    buckets.count((wide, narrow), 0)

    refused = buckets.count((wide, narrow), 0)

    assert [each.limited for each in refused] == [False, True]
    assert buckets.count((wide,), 0)[0].remaining == 3


def test_quotas_of_two_keys_do_not_meet() -> None:
    buckets = Buckets(most=10)
    for key in "ab":
        assert not buckets.count((policy("tenant", key, Quota(60, 1)),), 0)[0].limited


def test_the_longest_unused_bucket_makes_room() -> None:
    """Bounded memory: a flood of keys forgets the oldest, and a forgotten bucket is a full one."""
    buckets = Buckets(most=2)
    a, b, c = (policy("tenant", key, Quota(60, 1)) for key in "abc")
    buckets.count((a,), 0)
    buckets.count((b,), 0)
    buckets.count((c,), 0)

    assert buckets.look((a,), 0) is None
    assert buckets.look((b,), 0)
    assert buckets.look((c,), 0)


@given(st.integers(1, 100_000), st.integers(1, 5_000), st.lists(st.integers(0, SECOND), max_size=200))
def test_never_more_than_a_burst_and_the_rate(per_minute: int, burst: int, steps: list[int]) -> None:
    buckets, quota = Buckets(most=10), (policy("tenant", "a", Quota(per_minute, burst)),)
    now = allowed = 0
    for step in steps:
        now += step
        allowed += not buckets.count(quota, now)[0].limited
    assert allowed <= burst + now * per_minute / (60 * SECOND) + 1


def test_rate_fields_follow_the_draft() -> None:
    each = policy("integration", "a", Quota(1000, 2000))
    left = Buckets(most=1).count((each,), 0)

    assert policy_field([each]) == '"integration";q=2000;w=120'
    assert limit_field(left) == '"integration";r=1999;t=1'


@pytest.mark.parametrize(
    ("peer", "forwarded", "sender"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["1.2.3.4", "203.0.113.9, 10.0.0.7"], "203.0.113.9"),
        ("127.0.0.1", ["1.2.3.4, nonsense"], "127.0.0.1"),
        ("198.51.100.1", ["1.2.3.4"], "198.51.100.1"),
        ("::1", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        (None, ["203.0.113.9"], ""),
    ],
)
def test_a_forwarded_address_counts_only_from_a_trusted_proxy(peer: str | None, forwarded: list[str], sender: str) -> None:
    assert Addresses(networks("127.0.0.0/8, ::1, 10.0.0.0/8")).sender(peer, forwarded) == sender


def test_so_many_addresses_are_remembered_and_no_more() -> None:
    buckets = Buckets(most=100)
    failures = Failures(buckets, ManualClock(), Quota(per_minute=60, burst=1))
    for number in range(1_000):
        failures.failed(f"203.0.{number // 256}.{number % 256}")
    assert len(buckets._full_at) == 100
    assert failures.over("203.0.0.0") is None
    assert failures.over("203.0.3.231") is not None


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_an_address_counts_as_the_network_that_one_customer_has(address: str, name: str) -> None:
    """Else whoever has a network of 2**64 addresses would have as many buckets."""
    assert origin(address) == name


def test_retry_after_is_never_earlier_than_a_time_beside_it() -> None:
    """A tenant's whole burst may need minutes; who is refused need not wait for it."""
    buckets = Buckets(most=10)
    quota = (policy("integration", "a", Quota(60, 3)), policy("tenant", "t", Quota(1, 20)))
    for _ in range(3):
        buckets.count(quota, 0)

    refused = buckets.count(quota, 0)

    assert limit_field(refused) == '"integration";r=0;t=1'
    assert retry_after(refused) == 1
