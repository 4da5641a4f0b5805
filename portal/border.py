"""Between the portal and the network: the stated number of proxies, the names we answer to, TLS.

Without a proxy in front nothing that a request says of itself is believed. With them, the address
and the scheme are taken from as many forwarded values as there are proxies and no more, so that
whoever writes such a header gains nothing (``PORTAL_PROXIES``).
"""

from flask import Flask, abort, request
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.config import Config


def init_border(app: Flask, config: Config) -> None:
    """Put the border around the application; after ``init_headers``, whose answers it needs."""
    if config.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=config.proxies, x_proto=config.proxies
        )

    @app.before_request
    def refuse() -> None:
        # Asked for by another name, links would be made for it; past the proxy or without TLS
        # in front of it, somebody might read along.
        unknown = config.hosts and request.host.lower() not in config.hosts
        if unknown or (config.proxies and not request.is_secure):
            abort(400)
