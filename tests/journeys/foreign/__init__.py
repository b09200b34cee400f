"""Programs of others, run with their own environments against ours; nothing here is imported by us."""
