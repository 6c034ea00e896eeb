"""The headers every answer carries."""

from flask import Flask, Response, request

# No inline script or style anywhere; nothing from another host.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
STATIC_SECONDS = 86_400


def install(app: Flask) -> None:
    """Add the headers to every answer."""
    app.after_request(harden)


def harden(response: Response) -> Response:
    """Tell the browser to trust nothing but our own files and to keep no page of a client."""
    headers = response.headers
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    is_asset = request.endpoint in {"static", "api_pages.static"} and response.status_code in {200, 304}
    headers["Cache-Control"] = f"public, max-age={STATIC_SECONDS}" if is_asset else "no-store"
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return response
