import not_installed_either
from elsewhere import imported_factory


def cluster(account: str, nodes: int = 1) -> "SlurmExecutor":
    """A cluster."""
    return not_installed_either.SlurmExecutor(account=account, nodes=nodes)


def _private(): ...


class NotAFactory: ...


try:
    import skypilot
except ImportError:

    def cloud(): ...
