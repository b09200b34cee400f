"""Where accepted records go before the answer: one interface, a durable spool and a memory sink."""
