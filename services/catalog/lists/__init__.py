"""Lists of devices: filters, orders, search keys, facets, export."""
