"""From a model author's source folder to a runnable bundle with an environment of its own."""
