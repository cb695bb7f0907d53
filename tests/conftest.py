"""Registers what tests share; nothing here starts anything before a test asks."""

pytest_plugins = ["tests.support.servers", "tests.support.migrated", "tests.support.system", "tests.support.workers"]
