"""The local runtime: each container of a deployment is a process of this machine."""
