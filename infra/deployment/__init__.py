"""Build, deploy and remove a stack, on AWS and on local engines."""
