"""The SAM template, the zips, deployment, and the engines that a stack runs on."""
