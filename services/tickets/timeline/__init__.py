"""A ticket's past, line by line, with who took notice of it."""
