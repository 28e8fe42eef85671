"""The commands of ``safelight``: each module reads its options and leaves the work to the room.

What a command needs beyond typer is imported when it runs, so that ``--help`` answers at once.
"""
