"""Units that ship for graphs: routers that learn, detectors, explainers, proxies."""
