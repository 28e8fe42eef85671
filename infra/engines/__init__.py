"""Local engines that a stack can run on."""
