# JupyterLab as `make lab` starts it: on the chapters, which run from the project's folder, as
# everywhere else. (Jupyter would run them in notebooks/, where they do not find their results.)
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager


class FromTheProjectFolder(AsyncMappingKernelManager):
    def cwd_for_path(self, path, **words):
        return self.root_dir


c = get_config()  # noqa: F821
c.ServerApp.kernel_manager_class = FromTheProjectFolder
c.LabApp.default_url = "/lab/tree/notebooks"
