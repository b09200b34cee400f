"""seldon_core.proto: the message classes and stubs."""
