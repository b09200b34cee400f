"""Proxies: units that pass calls on to a model server of another make, over its REST protocol."""
