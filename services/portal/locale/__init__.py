"""The texts of the pages in six languages."""
