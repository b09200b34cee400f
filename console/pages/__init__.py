"""The pages: each view parses, calls one service, selector or dashboard, and replies."""
