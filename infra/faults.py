"""What can go wrong while an engine is started or a stack is deployed."""


class SetupFault(Exception):
    """An expected fault, said in one sentence that tells the reader what to do."""
