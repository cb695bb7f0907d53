"""Which tests stay together when several processes share a run (`make test`: pytest-xdist).

A module is run by one process, so that what it starts is started once; a process's servers are its own. The modules of
`tests/acceptance` that share its two systems are all run by one, in their order: the last of them look at what the others made
those systems say.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

SYSTEMS = "tests/acceptance"
APART = frozenset({"test_demo", "test_erase", "test_p2_every_delivery_has_one_outcome", "test_p2_killed_under_load"})
"""Its modules that start a system of their own."""


class Together(LoadScopeScheduling):  # type: ignore[misc] # xdist carries no types
    """Hands modules out in the order of their collection: the long ones come first."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.split("::", 1)[0])


def group_of(module: str) -> str:
    """Name the group of a module's tests: the module itself, or all that share the systems."""
    folder, _, name = module.rpartition("/")
    return SYSTEMS if folder == SYSTEMS and name.removesuffix(".py") not in APART else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Group whatever is shared out."""
    return Together(config, log)
