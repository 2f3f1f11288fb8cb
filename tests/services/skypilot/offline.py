"""A plugin of SkyPilot's API server for a machine without the internet; the server imports it, nothing else does."""

from sky.server import plugins


class Offline(plugins.BasePlugin):
    """Asks this machine whether the network is there, and takes the clouds it is told for enabled.

    Args:
        probe: Address that managed jobs probe instead of 8.8.8.8.
        clouds: Names of clouds that nothing can be started on; none leaves them as they are.
    """

    def __init__(self, probe=None, clouds=None):
        self.probe, self.clouds = probe, clouds

    def install(self, _extension_context):
        if self.probe:
            from sky.backends import backend_utils  # noqa: PLC0415 - as SkyPilot's plugins do

            backend_utils._TEST_IP_LIST[:] = [self.probe]
        if self.clouds:
            from sky import check  # noqa: PLC0415
            from sky.utils import registry  # noqa: PLC0415

            enabled = [registry.CLOUD_REGISTRY.from_str(one) for one in self.clouds]
            check.get_cached_enabled_clouds_or_refresh = lambda *_, **__: enabled
            check.check_capability = lambda *_, **__: None
