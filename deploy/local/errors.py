"""What can go wrong on this machine, said so that its reader knows what to do."""


class LocalError(Exception):
    """A problem of the machine or of the set-up; its text is all that the terminal shows."""


class PrerequisiteMissing(LocalError):
    """A program that set-up needs is absent or too old."""


class CommandFailed(LocalError):
    """A program that set-up ran ended with an error."""


class PortInUse(LocalError):
    """A port of this profile is held by somebody else."""


class AlreadyRunning(LocalError):
    """Another process holds this profile's servers."""


class NotReady(LocalError):
    """A process died or did not answer in time while starting."""
