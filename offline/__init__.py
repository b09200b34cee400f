"""Jobs in the background: what runs, when, and what came of it."""
