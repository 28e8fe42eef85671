"""A folder of init hooks: a LocalStack-compatible container that mounts it deploys Safelight as soon as it is ready."""
