"""The console: Django's admin site in our clothes, for operators at `/admin`.

Everything of it lives here, none of it in the apps: the theme (django-unfold) is imported in one
package, and an app needs to know nothing of pages. Pages are plain views below `pages/`, added to
the admin site by `site.py`; each parses, calls one service, selector or dashboard, and replies.
Only operators are a `ModelAdmin` (`operators.py`), because theirs is Django's own. Models of
clients are not registered: a generic form would go round their services, and so round the audit
log, the change feed and the shown-once secrets.
"""
