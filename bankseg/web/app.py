"""The application factory: the one place where the web is put together."""

import hmac
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from bankseg.settings import Settings
from bankseg.storage.database import make_engine
from bankseg.storage.walls import refuse_gaps
from bankseg.web import access, desk, errors, forms, headers, jinja, openid_views, request_log
from bankseg.web.administration.account import BLUEPRINT as ACCOUNT
from bankseg.web.administration.adviser_views import BLUEPRINT as ADVISERS
from bankseg.web.administration.erasure_views import BLUEPRINT as ERASURES
from bankseg.web.administration.oversight import BLUEPRINT as OVERSIGHT
from bankseg.web.administration.policy_views import BLUEPRINT as POLICY_PAGES
from bankseg.web.administration.views import BLUEPRINT as ADMINISTRATION
from bankseg.web.api import calls
from bankseg.web.api import pages as api_pages
from bankseg.web.api.library import Info, OpenAPI
from bankseg.web.api.parts import PARTS, SECURITY
from bankseg.web.entrance import BLUEPRINT as ENTRANCE
from bankseg.web.entrance import SIGN_IN_LIMIT
from bankseg.web.health import BLUEPRINT as HEALTH
from bankseg.web.lists.age_groups import BLUEPRINT as AGE_GROUPS
from bankseg.web.lists.views import BLUEPRINT as LISTS
from bankseg.web.marketing.applications import BLUEPRINT as APPLICATIONS
from bankseg.web.marketing.views import BLUEPRINT as MARKETING
from bankseg.web.metrics import BLUEPRINT as METRICS
from bankseg.web.models.views import BLUEPRINT as MODELS
from bankseg.web.openid_views import OPENID_LIMIT
from bankseg.web.operations import incoming
from bankseg.web.operations.uploads import BLUEPRINT as UPLOADS
from bankseg.web.operations.views import BLUEPRINT as OPERATIONS
from bankseg.web.overview.views import BLUEPRINT as OVERVIEW
from bankseg.web.relationship.client_views import BLUEPRINT as CLIENT
from bankseg.web.relationship.firm_views import BLUEPRINT as FIRM
from bankseg.web.relationship.portfolio_views import BLUEPRINT as PORTFOLIO
from bankseg.web.relationship.subject_views import BLUEPRINT as SUBJECT
from bankseg.web.relationship.usage_views import BLUEPRINT as USAGE
from bankseg.web.relationship.views import BLUEPRINT as RELATIONSHIP
from bankseg.web.risk.views import BLUEPRINT as RISK
from bankseg.web.risk.watch import BLUEPRINT as WATCH
from bankseg.web.segments.attributes_views import BLUEPRINT as ATTRIBUTES
from bankseg.web.segments.life import BLUEPRINT as LIFE
from bankseg.web.segments.offers import BLUEPRINT as OFFERS
from bankseg.web.segments.pictures import BLUEPRINT as PICTURES
from bankseg.web.segments.positions import BLUEPRINT as POSITIONS
from bankseg.web.segments.strategy import BLUEPRINT as STRATEGY
from bankseg.web.segments.views import BLUEPRINT as SEGMENTS
from bankseg.web.studies.views import BLUEPRINT as STUDIES

HERE = Path(__file__).parent
FORM_BYTES = 64 * 1024  # files come by one route, with a limit of its own


def create_app(settings: Settings) -> OpenAPI:
    """Build the application of these settings; nothing is read from the store until the first request."""
    app = OpenAPI(
        "bankseg.web", info=Info(title="bankseg", version="1"), doc_ui=False, validation_error_callback=errors.invalid_request,
        security_schemes=SECURITY, template_folder=str(HERE / "templates"), static_folder=str(HERE / "assets" / "static"), static_url_path="/static",
    )  # fmt: skip
    app.config.update(MAX_CONTENT_LENGTH=FORM_BYTES, MAX_FORM_MEMORY_SIZE=FORM_BYTES, MAX_FORM_PARTS=50)
    form_key = hmac.new(settings.key(), b"forms", sha256).digest()
    own = settings.as_web()
    engine = make_engine(own.store)
    if not own.development:
        refuse_gaps(engine)
    app.extensions[desk.EXTENSION] = desk.Desk(own, engine, form_key)
    app.teardown_request(desk.close_read)
    app.after_request(forms.keep_visit)
    for part in (incoming, request_log, access, calls, errors, headers, jinja, openid_views):
        part.install(app)
    for blueprint in (
        HEALTH,
        METRICS,
        ENTRANCE,
        openid_views.BLUEPRINT,
        RELATIONSHIP,
        CLIENT,
        FIRM,
        USAGE,
        PORTFOLIO,
        SUBJECT,
        MARKETING,
        APPLICATIONS,
        LISTS,
        AGE_GROUPS,
        RISK,
        OVERVIEW,
        SEGMENTS,
        PICTURES,
        POSITIONS,
        STUDIES,
        ATTRIBUTES,
        LIFE,
        STRATEGY,
        OFFERS,
        WATCH,
        MODELS,
        OPERATIONS,
        UPLOADS,
        ACCOUNT,
        ADMINISTRATION,
        ADVISERS,
        OVERSIGHT,
        POLICY_PAGES,
        ERASURES,
        api_pages.BLUEPRINT,
    ):
        app.register_blueprint(blueprint)
    for call in PARTS:
        app.register_api(call)
    _limit_sign_in(app)
    return app


def _limit_sign_in(app: OpenAPI) -> None:
    """Slow down guessing from one address; each process counts its own, the account's own lock is in the store."""
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://", headers_enabled=False)
    for endpoint, limit in (("entrance.sign_in", SIGN_IN_LIMIT), ("openid.start", OPENID_LIMIT), ("openid.answer", OPENID_LIMIT)):
        view: Any = app.view_functions[endpoint]  # Flask's own type of a view is wider than the decorator's
        app.view_functions[endpoint] = limiter.limit(limit)(view)
