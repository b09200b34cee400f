"""SeldonDeployments as Kubernetes objects. Pure: manifest and options in, objects out."""

from __future__ import annotations

from deploy.rendering.errors import NotRenderableError
from deploy.rendering.options import ENGINES, INGRESSES, Address, Images, Options
from deploy.rendering.rendering import entry_objects, internal_objects, render_manifest, scenes_of

__all__ = [
    "ENGINES",
    "INGRESSES",
    "Address",
    "Images",
    "NotRenderableError",
    "Options",
    "entry_objects",
    "internal_objects",
    "render_manifest",
    "scenes_of",
]
