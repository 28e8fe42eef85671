"""The engines that a stack can run on, beside AWS itself."""
