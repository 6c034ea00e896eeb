"""Being told: what happened is posted to one address of the bank's own, in order, signed, and again until it is taken.

What is told is read from the audit trail and the outbox of segments, which stand or fall with what they tell of: no publication or release waits for a
receiver, and none is lost with a process. Signed after Standard Webhooks 1.0. A message says that something happened and where to read it; it names no client and no person.
"""

import json
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from bankseg import __version__
from bankseg.domain.errors import ConfigurationError, MissingDataError
from bankseg.faults import crash_point
from bankseg.services.safe_address import is_safe_address
from bankseg.settings import Settings
from bankseg.storage import audit, segment_event, webhook_state
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import database_time, make_engine, reading, transaction
from bankseg.storage.webhook_state import WebhookState

if TYPE_CHECKING:
    from sqlalchemy import Engine

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64  # of the secret, by the standard
ANSWER_SECONDS = 10.0
CLAIM_SECONDS = 60.0  # several answers long: who holds the row and is alive keeps holding it
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 15.0, 3_600.0
MOST_AT_ONCE = 200
LONGEST_ANSWER = 200

Told = dict[str, Any]  # JSON


def _run(entry: AuditEntry) -> int:
    return int(entry.subject.removeprefix("run "))


def _list(entry: AuditEntry) -> Told:
    number = int(entry.subject.removeprefix("list:"))
    return {"list_id": number, "see": f"/api/v1/lists/{number}"}


# Action in the audit trail: the type told of, and its data.
TOLD_OF: dict[str, tuple[str, Callable[[AuditEntry], Told]]] = {
    "run_published": ("run.published", lambda entry: {"run_id": _run(entry), "as_of": entry.details["as_of"], "clients": entry.details["clients"]}),
    "run_rolled_back": ("run.rolled_back", lambda entry: {"run_id": _run(entry), "from_run_id": entry.details["from_run"]}),
    "list_released": ("list.released", lambda entry: {**_list(entry), "contact_on": entry.details["contact_on"]}),
    "list_closed": ("list.closed", lambda entry: {**_list(entry), "before": entry.details["before"]}),
}
MOVED = "segments.moved"
PING = "webhook.tested"
TYPES = (*(name for name, _ in TOLD_OF.values()), MOVED)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where to post, and the key that signs."""

    url: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that happened; `audit_id` and `event_id` say how far was told once it is taken. The same `key` at every attempt."""

    key: str
    type: str
    at: float
    data: Told
    audit_id: int
    event_id: int

    @property
    def body(self) -> bytes:
        """UTF-8 JSON; the same bytes at every attempt."""
        said = {"type": self.type, "timestamp": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds"), "data": self.data}
        return json.dumps(said, ensure_ascii=False, sort_keys=True).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said, in a few words; taken when it was 2xx."""

    is_taken: bool
    words: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """Messages taken in one round, and what was said to the last one; None when nothing was sent."""

    sent: int
    last: Answer | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the webhook stands: messages that wait, failed attempts on the first of them, seconds until the next one, when a message was last taken."""

    waiting: int
    attempts: int
    due_in_seconds: float
    delivered_at: float | None
    answer: str


def webhook_of(settings: Settings) -> Webhook | None:
    """Where the settings have it post; None where no address is set.

    Raises
    ------
    ConfigurationError
        When the address lets others read along, or the secret is missing or not as the standard writes it.
    """
    if not settings.webhook_url:
        return None
    if not is_safe_address(settings.webhook_url):
        raise ConfigurationError("BANKSEG_WEBHOOK_URL is no safe address", "https://, or http:// within this machine", "put TLS before the receiver")
    given = settings.webhook_secret.get_secret_value()
    try:
        key = b64decode(given.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not given.startswith(PREFIX) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ConfigurationError(
            "BANKSEG_WEBHOOK_SECRET is missing or no secret of a webhook",
            f"{PREFIX} and {LEAST_BYTES} to {MOST_BYTES} random bytes in base64",
            f"set it to the output of: python3 -c \"import base64, secrets; print('{PREFIX}' + base64.b64encode(secrets.token_bytes(32)).decode())\"",
        )
    return Webhook(settings.webhook_url, key)


def deliver_bank(settings: Settings) -> Delivered:
    """One round for the bank of these settings; its connections are closed at the end."""
    engine = make_engine(settings.store)
    try:
        return deliver(settings, engine)
    finally:
        engine.dispose()


def deliver(settings: Settings, engine: "Engine", *, at_once: bool = False) -> Delivered:
    """Post what waits, oldest first, until one is not taken; `at_once` does not wait for the next attempt to be due.

    Every message is taken at least once: a process that ends between the answer and its commit posts the same one again, under the same key. The first
    round of all begins with what happens from then on.
    """
    hook = webhook_of(settings)
    if hook is None:
        return Delivered(0, None)
    held = _claimed(engine, at_once=at_once)
    if held is None:
        return Delivered(0, None)
    sent, answer = 0, None
    try:
        while sent < MOST_AT_ONCE and (message := _following(engine, held)) is not None:
            with reading(engine) as session:
                now = database_time(session)
            answer = post(hook, message, int(now))
            crash_point("webhook.sent")
            if not _noted(engine, held, message, answer):
                break
            held.audit_id, held.event_id, held.attempts, sent = message.audit_id, message.event_id, 0, sent + 1
    finally:
        with transaction(engine) as session:
            webhook_state.release(session, held.fence)
    return Delivered(sent, answer)


def post(hook: Webhook, message: Message, now: int) -> Answer:
    """Post a message once, signed at `now` (epoch seconds); no redirect is followed."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"bankseg/{__version__}",
        "webhook-id": message.key,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(hook.key, message.key, now, message.body),
    }
    request = urllib.request.Request(hook.url, data=message.body, method="POST", headers=headers)  # noqa: S310  # a safe address, by webhook_of
    try:
        with urllib.request.build_opener(_EveryAnswer()).open(request, timeout=ANSWER_SECONDS) as reply:
            return Answer(200 <= reply.status < 300, f"answered {reply.status} {reply.reason}"[:LONGEST_ANSWER])
    except (OSError, HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        return Answer(is_taken=False, words=f"not reached: {type(cause).__name__} {cause}"[:LONGEST_ANSWER])


def signature(key: bytes, message_key: str, now: int, body: bytes) -> str:
    """What the header `webhook-signature` holds: HMAC-SHA256 over key, time and body.

    Examples
    --------
    The example of the standard:

    >>> signature(b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    return "v1," + b64encode(digest(key, b".".join((message_key.encode(), str(now).encode(), body)), "sha256")).decode()


def tested(settings: Settings, engine: "Engine") -> Answer:
    """Post one message that tells of nothing, past the queue.

    Raises
    ------
    ConfigurationError
        When no address is set.
    """
    hook = _required(settings)
    with reading(engine) as session:
        now = database_time(session)
    return post(hook, Message(f"evt_{sha256(f'{PING}:{now}'.encode()).hexdigest()[:32]}", PING, now, {}, 0, 0), int(now))


def skip(settings: Settings, engine: "Engine") -> int:
    """Pass over everything that waits, for good; how many messages that were.

    Raises
    ------
    ConfigurationError
        When no address is set.
    """
    _required(settings)
    with transaction(engine) as session:
        row = webhook_state.state(session)
        waiting = _waiting(session, row) if row else 0
        audit.record(session, "webhook_skipped", "webhook", waiting=waiting)
        webhook_state.from_now_on(session)
    return waiting


def standing(session: Session) -> Standing | None:
    """How the webhook stands; None before its first round."""
    row = webhook_state.state(session)
    if row is None:
        return None
    due = max(0.0, row.next_at - database_time(session))
    return Standing(_waiting(session, row), row.attempts, due, row.delivered_at, row.answer)


def known(settings: Settings, engine: "Engine") -> Standing:
    """The same, for who asks after it.

    Raises
    ------
    ConfigurationError
        When no address is set.
    MissingDataError
        When no round was made yet.
    """
    _required(settings)
    with reading(engine) as session:
        found = standing(session)
    if found is None:
        raise MissingDataError("the webhook was never used yet", "a first round by a worker", "bankseg webhook deliver makes one")
    return found


def _required(settings: Settings) -> Webhook:
    hook = webhook_of(settings)
    if hook is None:
        raise ConfigurationError("no webhook is set", "an address in BANKSEG_WEBHOOK_URL", "set it for workers and for this command")
    return hook


def _claimed(engine: "Engine", *, at_once: bool) -> WebhookState | None:
    try:
        with transaction(engine) as session:
            if webhook_state.state(session) is None:
                webhook_state.from_now_on(session)
            return webhook_state.claim(session, CLAIM_SECONDS, at_once=at_once)
    except IntegrityError:  # somebody made the first round at the same moment
        return None


def _following(engine: "Engine", row: WebhookState) -> Message | None:
    """What happened next: the older one of the next entry and the next moves."""
    with reading(engine) as session:
        found = [message for message in (_entry_after(session, row), _moves_after(session, row)) if message is not None]
    return min(found, key=lambda message: message.at, default=None)


def _entry_after(session: Session, row: WebhookState) -> Message | None:
    asked = select(AuditEntry).where(col(AuditEntry.id) > row.audit_id, col(AuditEntry.action).in_(TOLD_OF)).order_by(col(AuditEntry.id)).limit(1)
    entry = session.exec(asked).one_or_none()
    if entry is None:
        return None
    name, data = TOLD_OF[entry.action]
    return Message(f"evt_{entry.chain[:32]}", name, entry.at, data(entry), entry.id or 0, row.event_id)


def _moves_after(session: Session, row: WebhookState) -> Message | None:
    """The moves of one scheme in one run, which were written together."""
    found = segment_event.moves_after(session, row.event_id)
    if found is None:
        return None
    data = {
        "scheme": found.code,
        "version": found.version,
        "run_id": found.run_id,
        "from_as_of": found.from_as_of,
        "as_of": found.as_of,
        "moves": found.moves,
        "see": f"/api/v1/segment-events?scheme={found.code}&after={found.first_id - 1}",
    }
    key = sha256(f"{MOVED}:{found.code}:{found.version}:{found.run_id}".encode()).hexdigest()[:32]
    return Message(f"evt_{key}", MOVED, found.made_at, data, row.audit_id, found.last_id)


def _waiting(session: Session, row: WebhookState) -> int:
    entries = select(func.count()).where(col(AuditEntry.id) > row.audit_id, col(AuditEntry.action).in_(TOLD_OF))
    return session.exec(entries).one() + segment_event.kinds_after(session, row.event_id)


def _noted(engine: "Engine", row: WebhookState, message: Message, answer: Answer) -> bool:
    """Write down how an attempt ended; whether to go on."""
    with transaction(engine) as session:
        if answer.is_taken:
            return webhook_state.told(session, row.fence, CLAIM_SECONDS, message.audit_id, message.event_id, answer.words)
        webhook_state.not_taken(session, row.fence, wait_seconds(row.attempts), answer.words)
        return False


def wait_seconds(attempts: int) -> float:
    """Seconds until the attempt that follows one that failed after so many failures.

    Examples
    --------
    >>> [wait_seconds(attempts) for attempts in (0, 1, 2, 20)]
    [15.0, 30.0, 60.0, 3600.0]
    """
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(attempts, 30))


class _EveryAnswer(urllib.request.HTTPErrorProcessor):
    """Every status is an answer, redirects too: a receiver that moved is told so by its operator."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:  # the library's signature
        del request
        return response

    https_response = http_response
