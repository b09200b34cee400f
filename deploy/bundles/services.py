"""Builds bundles from sources. Asks no database, so that a build need not wait for Django's apps."""

from __future__ import annotations

import hashlib
import platform
import re
from pathlib import Path

from django.conf import settings

from common import clock
from deploy.bundles.contexts import add_wheels, write_context
from deploy.bundles.dependencies import Dependencies, read_dependencies
from deploy.bundles.environments import Installation
from deploy.bundles.errors import SourceMissingError
from deploy.bundles.records import Build, Bundle, NamedBundle, Tell, image_name
from deploy.bundles.running import write_run
from deploy.bundles.sources import copy_source, open_source, tree_digest
from deploy.bundles.store import BundleStore
from deploy.bundles.variables import FOR_THE_BUILD, forget_build_variables, read_variables


def bundle_store() -> BundleStore:
    """The bundles of this installation."""
    return BundleStore(Path(settings.SELDON_DATA) / "bundles")


def build_bundle(build: Build, tell: Tell, context: Path | None = None) -> NamedBundle:
    """Makes a bundle of a source and names it; until all is well the name stands for what it stood for.

    With a `context` writes a folder for `docker build`, too. Raises ImageNameError, SourceMissingError,
    SourceUnusableError, InstallationError or ContextExistsError.
    """
    image_name(build.image)
    if build.wheels and not build.wheels.is_dir():
        raise SourceMissingError(str(build.wheels), "there is no such folder of wheels")
    store = bundle_store()
    with open_source(build, tell) as source, store.workshop() as workshop:
        variables = read_variables(source, build.variables)
        copy_source(source, workshop / "source", store.root.parent.resolve())
        forget_build_variables(workshop / "source")
        wanted = read_dependencies(workshop / "source", tell)
        kept = {name: value for name, value in variables.items() if name not in FOR_THE_BUILD}
        write_run(workshop / "run", kept)
        # Before the installation, which may leave something of its own beside the source.
        content = tree_digest(workshop)
        environment = store.environments.provide(
            workshop / "source", wanted, Installation(variables, build.wheels), tell, anew=build.is_fresh
        )
        bundle = Bundle(
            key=hashlib.sha256(f"{environment} {content}".encode()).hexdigest()[:16],
            environment=environment,
            origin=_shown(build.source),
            dependencies=wanted.kind,
            python=platform.python_version(),
            made_at=clock.now().isoformat(),
            variables=kept,
            folder=workshop,
        )
        if context:
            # Of what was copied now: in a bundle that runs already its processes leave files.
            _write_context(context, build, bundle, wanted, variables)
        return store.name(build.image, store.keep(workshop, bundle))


def _shown(source: str) -> str:
    """Where it came from, without a password."""
    return re.sub(r"//[^/@]*@", "//", source) if "://" in source else str(Path(source).expanduser().resolve())


def _write_context(
    context: Path, build: Build, bundle: Bundle, wanted: Dependencies, variables: dict[str, str]
) -> None:
    write_context(context, image_name(build.image), bundle, wanted, variables)
    if build.wheels:
        add_wheels(context, build.wheels)
