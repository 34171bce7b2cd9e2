"""Lists of tickets: filters, orders, search, counts, export."""
