"""What the commands about rules share: the file, and the rules in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.api import Api
from tocsin_rules.document import RuleSet
from tocsin_rules.reading import UnfitRules, read_rule_set
from tocsin_runtime.errors import Fatal, Invalid

File = Annotated[Path, typer.Argument(metavar="FILE", help="The rules, YAML.")]
NOTHING: Mapping[str, object] = {"version": 1}
"""The document of a tenant that never said anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The rules that hold now."""

    version: int
    """0 where there never were any."""
    document: Mapping[str, object]

    @property
    def rules(self) -> RuleSet:
        """Read the document.

        Raises:
            Fatal: a newer release wrote it.
        """
        try:
            return read_rule_set(self.document)
        except UnfitRules as unfit:
            raise Fatal(f"the rules in force are not read by this release of tocsin: {unfit}") from unfit


async def rules_in_force(api: Api) -> InForce:
    """Ask for the rules in force."""
    return await rules_of(api, None)


async def rules_of(api: Api, version: int | None) -> InForce:
    """Ask for a version of the rules; None: those in force."""
    try:
        answer: Mapping[str, Any] = await api.get("/rules" if version is None else f"/rules/versions/{version}")
    except Invalid as refused:
        if version is None or refused.reason != "status-404":
            raise
        raise Invalid(refused.reason, f"there is no version {version} of the rules: 'tocsin rules show' tells the last") from None
    return InForce(version=int(answer["version"]), document=answer.get("document") or NOTHING)
