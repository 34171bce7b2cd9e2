"""What more than one area shows: the pieces of a page, what fills them, and the list kit."""
