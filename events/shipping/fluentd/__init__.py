"""Fluentd and Fluent Bit as the destination: the forward protocol, version 1, with acknowledgements."""
