"""How the audit names what people do with failed deliveries; migration 0005 lets the gateway write these and no others."""

from typing import Final

DISCARDED: Final = "delivery.discarded"
REDRIVEN: Final = "delivery.redriven"
REDRIVE_BEGUN: Final = "deliveries.redrive-begun"
MANY_REDRIVEN: Final = "deliveries.redriven"
