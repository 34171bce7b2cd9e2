"""Who a caller is, and what he may see and do. Nothing is visible by default."""
