"""Moves records from the spool to their destination: in order, each once, and forgets them only then."""
