"""How the web server runs; gunicorn reads this by itself where it is started from this folder."""

import gc
import os
from typing import Any

from portal.config import Config, ConfigError

try:
    _config = Config.from_env(os.environ, command=True)
    _host = f"[{_config.host}]" if ":" in _config.host else _config.host
    bind = f"{_host}:{_config.port}"
    # A demo's supervisor kills what takes twice as long, and shows its own words only.
    graceful_timeout, accesslog = (5, None) if _config.demo else (30, "-")
except ConfigError:
    # wsgi.py meets the same refusal, says it and ends the server.
    pass

workers = 2
worker_class = "gthread"
threads = 4
control_socket_disable = True
logger_class = "portal.logs.ServerLog"
# The number of proxies that are believed is the portal's own setting (portal.border).
forwarded_allow_ips = ""


def post_worker_init(_worker: Any) -> None:
    """Leave what the application is made of out of every later search for garbage.

    It lives as long as the worker; looking through it took a tenth of a second each time.
    """
    gc.collect()
    gc.freeze()
