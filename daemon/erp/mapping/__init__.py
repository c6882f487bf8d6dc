"""Mapping: what an order's codes, units, prices, places and moments mean in an ERP. For every adapter; no input, no output.

An adapter includes `MappingSettings` in its settings, asks `wanted` what it must look up for an order, looks it up in its ERP,
and hands what it found to `map_order` as `Known`. What the ERP does not know is one `OrderRejected` that names every missing key
at once.

settings    the tables that the operator may fill in
known       what the ERP knows, in words that suit every ERP
measure     units and prices: boxes ordered, priced per kilo
order       one order, mapped as a whole or rejected with every gap
"""

from daemon.erp.mapping.known import Customer, Known, Place, Product, Unit
from daemon.erp.mapping.order import MappedLine, MappedOrder, map_order
from daemon.erp.mapping.settings import MappingSettings, Wanted, wanted

__all__ = [
    "Customer",
    "Known",
    "MappedLine",
    "MappedOrder",
    "MappingSettings",
    "Place",
    "Product",
    "Unit",
    "Wanted",
    "map_order",
    "wanted",
]
