"""The client with requests, its threads made greenlets. Usage: as that one."""
from gevent import monkey

monkey.patch_all()

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parents[1] / "clients" / "requests" / "client.py"), run_name="__main__")
