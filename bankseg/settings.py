"""Every setting, read once from BANKSEG_* environment variables (or a file named by BANKSEG_<NAME>_FILE for secrets)."""

import os
import secrets
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

from pydantic import Field, SecretStr, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bankseg.domain.errors import ConfigurationError

CHECKOUT = Path(__file__).resolve().parent.parent
SECRET_BYTES = 32
KNOWN_DEFAULT_SECRETS = ("changeme", "secret", "dev", "default", "password")


class _NamedFiles(PydanticBaseSettingsSource):
    """Reads BANKSEG_<NAME> from the file that BANKSEG_<NAME>_FILE names: how containers are handed secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # Any: the library's signature
        """One setting's text, or None where no file is named."""
        del field
        variable = f"BANKSEG_{field_name.upper()}_FILE"
        path = os.environ.get(variable, "")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise ConfigurationError(f"{variable} cannot be read: {error.strerror}", "a readable file", "check its path and mode") from error

    def __call__(self) -> dict[str, Any]:
        """Every setting for which a file is named."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Settings of one process.

    Built at an entry point and passed down; nothing below reads the environment.
    """

    model_config = SettingsConfigDict(env_prefix="BANKSEG_", extra="ignore", frozen=True)

    home: Path = Field(default=CHECKOUT / "var", description="Folder that holds all embedded state")
    store_url: str = Field(default="", description="SQLAlchemy URL of the operational store; empty: SQLite under home")
    web_store_url: str = Field(default="", description="URL by which the web connects to the store, as app_web; empty: store_url")
    owner_store_url: str = Field(default="", description="URL by which the schema is made and upgraded, as app_owner; empty: store_url")
    backup_store_url: str = Field(default="", description="URL by which a backup reads the store, as app_backup; empty: store_url")
    development: bool = Field(default=False, description="Let web and workers connect to PostgreSQL past row security: never with real clients")
    broker_url: str = Field(default="", description="Redis URL of the broker; empty: embedded broker under home")
    lake_url: str = Field(default="", description="Folder or object-storage URL of the lake; empty: under home")
    lake_endpoint: str = Field(default="", description="Address of an S3-compatible store that holds the lake; empty: AWS_ENDPOINT_URL, else Amazon's own")
    lake_region: str = Field(default="", description="Region of the lake's bucket; empty: AWS_REGION")
    lake_access_key: SecretStr = Field(default=SecretStr(""), description="Access key for the lake; empty: what AWS_* or the machine's role gives")
    lake_secret_key: SecretStr = Field(default=SecretStr(""), description="Secret key that goes with the access key")
    lake_copies: Path | None = Field(default=None, description="Folder on a local disk for copies of what a lake on object storage holds; empty: under home")
    lake_copies_gb: int = Field(default=20, ge=1, le=100_000, description="GB of such copies kept on this machine; those in use are never removed")
    policy_file: Path | None = Field(default=None, description="TOML file whose entries replace the default policy's")
    secret_key: SecretStr = Field(
        default=SecretStr(""), description="Key that signs cookies and model digests, 32 bytes or more; empty: one is made under home"
    )
    buckets: int = Field(default=16, ge=1, le=1024, description="Client buckets of a new lake, best one for some 30,000 clients; frozen once the lake exists")
    shards: int = Field(default=4, ge=1, le=1024, description="Jobs a scoring run is cut into")
    worker_concurrency: int = Field(default=2, ge=1, le=256, description="Worker processes started by `bankseg up`")
    duckdb_memory: str = Field(default="2GB", description="Memory limit of one DuckDB connection")
    scheduler: str = Field(default="", description="URL of a Dask scheduler whose workers do the bucket work of runs; empty: this machine does it")
    scheduler_tls_ca: Path | None = Field(
        default=None, description="Authority (PEM) that signed the certificates of scheduler and workers, for a tls:// scheduler"
    )
    scheduler_tls_cert: Path | None = Field(default=None, description="Certificate (PEM) by which this process is known to the scheduler")
    scheduler_tls_key: Path | None = Field(default=None, description="Private key (PEM) of that certificate")
    most_training_rows: int = Field(
        default=1_500_000,
        ge=1,
        description="Rows one machine's training holds; beyond it whole buckets are left out, or trees grow on the cluster if there is one",
    )
    lease_seconds: int = Field(default=90, ge=2, description="Seconds without a heartbeat after which a job may be taken over")
    reconcile_seconds: int = Field(default=15, ge=1, description="Seconds between two sweeps for jobs that were never rung or lost their worker")
    monitor_seconds: int = Field(default=600, ge=60, description="Seconds between two rounds of model monitoring by beat")
    canary_seconds: int = Field(default=60, ge=1, description="Seconds between two canary tasks; three without an answer and /readyz says no")
    refresh_seconds: int = Field(default=900, ge=60, description="Seconds between two looks by beat whether memberships of segments are due")
    upload_mb: int = Field(default=512, ge=1, le=16_384, description="Largest file taken from a browser, in MiB")
    upload_quota_mb: int = Field(default=2_048, ge=1, le=1_048_576, description="MiB of files one person may keep waiting to be loaded")
    host: str = Field(default="127.0.0.1", description="Address the web server binds")
    port: int = Field(default=8765, ge=0, le=65535, description="Port the web server binds")
    openid_issuer: str = Field(default="", description="Issuer (address) of the OpenID provider that people may sign in by; empty: passwords only")
    openid_client_id: str = Field(default="", description="Client id under which the provider knows this service")
    openid_client_secret: SecretStr = Field(default=SecretStr(""), description="Client secret that goes with the client id")
    openid_scopes: str = Field(default="openid profile", description="Scopes asked of the provider, by spaces")
    openid_roles_claim: str = Field(default="", description="Claim of the ID token that names a person's role; empty: roles are kept here alone")
    openid_roles: str = Field(default="", description="JSON object from values of that claim to roles; a role so given holds from the next sign-in")
    openid_new_people: bool = Field(
        default=False, description="Make a person of a subject nobody is linked to, when the claim gives a role that needs no portfolio or branch"
    )
    openid_skew_seconds: int = Field(default=60, ge=0, le=300, description="Seconds by which the provider's clock may differ from ours")
    secure_cookies: bool = Field(default=False, description="Send cookies over HTTPS only")
    log_level: str = Field(default="INFO", description="Least level that is logged")
    log_format: Literal["plain", "json"] = Field(default="plain", description="How web, worker and beat log: lines for people, or one JSON object a line")
    traces_url: str = Field(default="", description="OTLP address (HTTP) that traces of web, worker and store go to; empty: none are made")
    webhook_url: str = Field(default="", description="Address that is told of publications, moves between segments and released lists; empty: nobody is")
    webhook_secret: SecretStr = Field(default=SecretStr(""), description="Secret that signs what it is told: whsec_ and 24 to 64 bytes in base64")
    webhook_seconds: int = Field(default=15, ge=1, description="Seconds between two looks by beat whether there is something to tell")
    metrics_token: SecretStr = Field(default=SecretStr(""), description="Bearer token that opens /metrics; empty: there is no such page")
    api_calls_a_minute: int = Field(
        default=1_200, ge=1, description="Calls of the API a person may make in a minute, counted by each web process; more get 429"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code, then variables, then files named by variables; no .env file is read."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _NamedFiles(settings_cls)

    @model_validator(mode="after")
    def _home_is_absolute(self) -> Self:
        object.__setattr__(self, "home", self.home.expanduser().absolute())
        return self

    @property
    def store(self) -> str:
        """SQLAlchemy URL of the operational store."""
        return self.store_url or f"sqlite:///{quote(str(self.home / 'store.sqlite'))}"

    def as_web(self) -> Self:
        """The same settings for the process that serves the web."""
        return self._connecting(self.web_store_url)

    def as_owner(self) -> Self:
        """The same settings for what makes or upgrades the schema."""
        return self._connecting(self.owner_store_url)

    def as_backup(self) -> Self:
        """The same settings for what copies the store."""
        return self._connecting(self.backup_store_url)

    def _connecting(self, url: str) -> Self:
        return self.model_copy(update={"store_url": url or self.store_url, "web_store_url": "", "owner_store_url": "", "backup_store_url": ""})

    @property
    def lake(self) -> str:
        """Root of the lake."""
        return self.lake_url or str(self.home / "lake")

    @property
    def lake_copies_folder(self) -> Path:
        """Folder of this machine's copies of a lake on object storage."""
        return (self.lake_copies or self.home / "lake-copies").absolute()

    @property
    def artefacts(self) -> Path:
        """Folder of model artefacts, readable by the owner only."""
        return self.home / "models"

    @property
    def quarantine(self) -> Path:
        """Folder of quarantine files."""
        return self.home / "quarantine"

    @property
    def uploads(self) -> Path:
        """Folder of files taken from browsers and not yet loaded."""
        return self.home / "uploads"

    @property
    def exports(self) -> Path:
        """Folder of exported lists."""
        return self.home / "exports"

    @property
    def broker_socket(self) -> Path:
        """Unix socket of the embedded broker."""
        return self.home / "broker" / "broker.sock"

    @property
    def broker(self) -> str:
        """Broker URL Celery uses."""
        return self.broker_url or f"redis+socket://{self.broker_socket}"

    def key(self) -> bytes:
        """The secret key.

        Raises
        ------
        ConfigurationError
            When the configured key is short or a known default.
        """
        given = self.secret_key.get_secret_value()
        if not given:
            return _made_key(self.home / "secret.key")
        if len(given.encode()) < SECRET_BYTES or given.lower() in KNOWN_DEFAULT_SECRETS:
            raise ConfigurationError(
                "BANKSEG_SECRET_KEY is too short or a known default",
                f"{SECRET_BYTES} bytes or more of randomness",
                'set it to the output of: python3 -c "import secrets; print(secrets.token_hex(32))"',
            )
        return given.encode()


def _made_key(path: Path) -> bytes:
    """Key of an embedded installation, made once and kept with mode 0600; two processes starting together agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as stream:
        stream.write(secrets.token_hex(SECRET_BYTES).encode())
    return path.read_bytes()
