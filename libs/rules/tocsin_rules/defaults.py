"""What holds for a tenant without rules."""

from tocsin_rules.compiled import CompiledRules, compile_rules
from tocsin_rules.document import RuleSet

DEFAULT_RULES = RuleSet(version=1)
"""The default key, the default classification set, flapping 4 times in 30 minutes; no escalation, no heartbeat."""
COMPILED_DEFAULTS: CompiledRules = compile_rules(DEFAULT_RULES)
"""Shared by all tenants without rules."""
