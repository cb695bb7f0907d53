"""The IETF header fields that say what a quota allows and what is left of it (RateLimit-Policy, RateLimit, Retry-After)."""

from collections.abc import Sequence

from tocsin_runtime.buckets import Allowance, Policy

_SECOND_NS = 1_000_000_000


def policy_field(policies: Sequence[Policy]) -> str:
    """Write the value of `RateLimit-Policy`: what is allowed."""
    return ", ".join(f'"{each.name}";q={each.quota.burst};w={each.window_s}' for each in policies)


def limit_field(allowances: Sequence[Allowance]) -> str:
    """Write the value of `RateLimit`: what is left of it, and in how many seconds it is whole again.

    Where one is exceeded only such are told, with the seconds until they allow one request more: `Retry-After` is never
    earlier than a `t` beside it, and nobody is told to wait longer than he has to.
    """
    exceeded = [each for each in allowances if each.limited]
    parts = [(each, each.retry_ns) for each in exceeded] or [(each, each.reset_ns) for each in allowances]
    return ", ".join(f'"{each.policy.name}";r={each.remaining};t={-(-ns // _SECOND_NS)}' for each, ns in parts)


def retry_after(allowances: Sequence[Allowance]) -> int:
    """Give whole seconds until every exceeded quota allows one request more; at least 1."""
    return max(1, *(-(-each.retry_ns // _SECOND_NS) for each in allowances))
