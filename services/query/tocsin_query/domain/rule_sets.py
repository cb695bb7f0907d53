"""The list of versions of a tenant's rules."""

from typing import Final

from tocsin_query.domain.listing import Listing, Order, number_key
from tocsin_query.domain.rendering import placed

RULE_SETS: Final = Listing(
    table="proj.rule_sets",
    columns=("version", "actor_kind", "actor_id", "actor_name", "comment", "command_id", "at", "partition", '"offset"'),
    filters=(),
    orders=tuple(Order(name=f"{sign}version", keys=(number_key("version"),)) for sign in ("-", "")),
    show=lambda row, _tenant: placed(row),
)
