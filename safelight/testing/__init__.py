"""A local stack for the tests of programs that use Safelight: a pytest plugin, and a container for Testcontainers."""
