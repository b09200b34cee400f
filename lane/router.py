"""Path -> route: a dictionary for exact paths, a few short lists for those with named parts."""

from __future__ import annotations

from collections.abc import Iterable

from lane.route import Route

Found = tuple[Route, dict[str, str]]


class Router:
    """Finds the route of a path; None means that the lane does not know it."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = list(routes)
        self._exact: dict[str, Found] = {}
        # By first part, number of parts and last part, which is empty here where it has a name.
        self._patterns: dict[tuple[str, int, str], list[tuple[list[str], Route]]] = {}
        for route in self.routes:
            self._add(route)

    def find(self, path: str) -> Found | None:
        """The route that serves `path` with the named parts of the path."""
        found = self._exact.get(path)
        if found is not None:
            return found
        parts = path.split("/")
        first, count = parts[1] if len(parts) > 1 else "", len(parts)
        for last in {parts[-1]: None, "": None}:
            for names, route in self._patterns.get((first, count, last), ()):
                params = _match(names, parts)
                if params is not None:
                    return route, params
        return None

    def _add(self, route: Route) -> None:
        if "{" not in route.path:
            if route.path in self._exact:
                raise ValueError(f"two routes for {route.path}")
            self._exact[route.path] = (route, {})
            return
        names = route.path.split("/")
        last = "" if names[-1].startswith("{") else names[-1]
        self._patterns.setdefault((names[1], len(names), last), []).append((names, route))


def _match(names: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(names) != len(parts):
        return None
    params = {}
    for name, part in zip(names, parts, strict=True):
        if name.startswith("{"):
            if not part:
                return None
            params[name[1:-1]] = part
        elif name != part:
            return None
    return params
