"""Master data of the fleet as the back office sends them."""
