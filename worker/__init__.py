"""A message in, a result out: the worker and the dead-letter Lambdas."""
