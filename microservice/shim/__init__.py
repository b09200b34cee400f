"""Import names of other packages that resolve to ours; the folder is last on a worker's path."""
