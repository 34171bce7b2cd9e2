"""Articles, their search and guided fault-finding: nothing runs yet."""
