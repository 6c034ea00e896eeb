"""Composition root of the web server: `gunicorn 'bankseg.wsgi:application()'` or `serve` under waitress."""

from bankseg.starting import starting

with starting():
    import waitress
    from flask import Flask

    from bankseg import logs, traces
    from bankseg.settings import Settings
    from bankseg.storage import walls
    from bankseg.web.app import create_app

THREADS = 8


def application() -> Flask:
    """The application of this process's settings."""
    settings = Settings()
    logs.configure(settings.log_format, settings.log_level)
    traces.configure(settings.traces_url, "bankseg-web")
    return _walled(settings)


def serve(settings: Settings) -> None:
    """Serve until stopped, with waitress: the embedded way."""
    traces.configure(settings.traces_url, "bankseg-web")
    waitress.serve(_walled(settings), host=settings.host, port=settings.port, threads=THREADS, ident=None)


def _walled(settings: Settings) -> Flask:
    """The application, unless the store's role may pass row security: then the process ends here."""
    if not settings.development:
        walls.require(settings.as_web().store)
    return create_app(settings)
