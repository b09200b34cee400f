"""Removes bundles that no deployment names."""

from __future__ import annotations

from deploy.bundles.errors import BundleUsedError
from deploy.bundles.services import bundle_store
from deploy.selectors import users_of


def remove_bundle(image: str) -> None:
    """The image name stands for nothing any more; what only it used is deleted.

    Raises BundleMissingError, or BundleUsedError while deployments name it.
    """
    store = bundle_store()
    named = store.get(image)
    if users := users_of(named.image):
        raise BundleUsedError(named.image, users)
    store.forget(image)
    store.sweep()
