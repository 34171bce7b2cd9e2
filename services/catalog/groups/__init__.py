"""Groups of devices: a scope for rights and a filter for lists."""
