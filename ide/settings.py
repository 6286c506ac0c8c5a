"""Every setting, read from the environment once. README.md lists them; a test fails when one is missing there."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE, NONE, SELF

env = environ.Env()
ROOT = Path(__file__).resolve().parent.parent

# --- where things lie -----------------------------------------------------------------------------------------------
DATA_DIR = Path(env.str("TANDEM_DATA", default=str(ROOT / ".tandem"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)


def _runtime_dir() -> Path:
    """Sockets live here: short, because a unix socket's path over 107 bytes fails."""
    named = env.str("TANDEM_RUNTIME", default="")
    mark = hashlib.sha256(str(DATA_DIR).encode()).hexdigest()[:10]
    return Path(named) if named else Path("/tmp", f"tandem-{os.getuid()}-{mark}")  # noqa: S108 (`up` checks who owns it)


RUNTIME_DIR = _runtime_dir()
RUNNER_SOCKET = RUNTIME_DIR / "runner.sock"
STATIC_DIST = ROOT / "static" / "dist"


def _secret(name: str) -> str:
    """A secret of this installation, made at first start and kept beside the data, readable by its user only."""
    file = DATA_DIR / name
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
            f.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return file.read_text()


# --- the site -------------------------------------------------------------------------------------------------------
SECRET_KEY = env.str("SECRET_KEY", default="") or _secret("secret-key")
INSTALLATION = hashlib.sha256(f"installation {SECRET_KEY}".encode()).hexdigest()[:10]  # the same on all its machines
KEY_FILE_SECRET = env.str("TANDEM_KEY_SECRET", default="") or _secret("endpoint-key-secret")
DEBUG = env.bool("DEBUG", default=False)
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
SITE_NAME = env.str("TANDEM_NAME", default="Tandem")
PUBLIC_URL = env.str("TANDEM_URL", default="").rstrip("/")
# Who asks by this machine's own names (`up`, a load balancer's probe) is answered, whatever else is named.
_hosts = [urlsplit(PUBLIC_URL).hostname or "localhost", HOST, "localhost", "127.0.0.1", "::1"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) + [f"[{name}]" if ":" in name else name for name in _hosts]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
SERVER = env.str("TANDEM_SERVER", default="daphne")  # or uvicorn
WORKERS = env.int("TANDEM_WORKERS", default=2)
GIT_URL = env.str("TANDEM_GIT_URL", default="")  # https://site/git, on a worker's machine without the data folder
KEEP_LOG_DAYS = env.float("TANDEM_KEEP_LOG_DAYS", default=7.0)  # raw rows of the log; the timeline stays
JOB_LEASE_SECONDS = env.float("TANDEM_JOB_LEASE_SECONDS", default=20.0)  # of a job's worker; renewed each quarter of it
JOB_SLICE_SECONDS = env.float("TANDEM_JOB_SLICE_SECONDS", default=300.0)
LEASE_SECONDS = env.float("TANDEM_LEASE_SECONDS", default=8.0)  # of a workspace's host; renewed each quarter of it
SOCKETS_PER_PERSON = env.int("TANDEM_SOCKETS_PER_PERSON", default=20)
SOCKETS_PER_WORKSPACE = env.int("TANDEM_SOCKETS_PER_WORKSPACE", default=200)
SOCKET_BYTES_PER_SECOND = env.int("TANDEM_SOCKET_BYTES_PER_SECOND", default=2 << 20)  # of a socket and of a person
AWARENESS_PER_SECOND = env.int("TANDEM_AWARENESS_PER_SECOND", default=10)  # of one client in one document
BUILTIN_MODEL = env.bool("TANDEM_BUILTIN_MODEL", default=True)
BUILTIN_MODEL_PORT = env.int("TANDEM_BUILTIN_MODEL_PORT", default=0)  # 0: a free one
SCRIPTED_MODEL = env.str("TANDEM_SCRIPTED_MODEL", default="")  # path of a script; shown as a labelled endpoint
SANDBOX_UIDS = env.str("TANDEM_SANDBOX_UIDS", default="1900000000:4096")  # FIRST:COUNT, where started as root
CGROUP = env.str("TANDEM_CGROUP", default="")  # a version 2 control group delegated to Tandem
INTERNAL_HOSTS = env.list("TANDEM_INTERNAL_HOSTS", default=[])  # host or host:port people may name though it is private
# Models: keys and names are read when their endpoint is first made; afterwards the admin pages have them.
OPENAI_API_KEY = env.str("OPENAI_API_KEY", default="")
OPENAI_BASE_URL = env.str("OPENAI_BASE_URL", default="")  # any OpenAI-compatible server
OPENAI_MODEL = env.str("OPENAI_MODEL", default="")
ANTHROPIC_API_KEY = env.str("ANTHROPIC_API_KEY", default="")
ANTHROPIC_MODEL = env.str("ANTHROPIC_MODEL", default="")
CEREBRAS_API_KEY = env.str("CEREBRAS_API_KEY", default="")
CEREBRAS_MODEL = env.str("CEREBRAS_MODEL", default="")
GROQ_API_KEY = env.str("GROQ_API_KEY", default="")
GROQ_MODEL = env.str("GROQ_MODEL", default="")

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "channels",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.github",
    "allauth.socialaccount.providers.gitlab",
    "django.contrib.humanize",
    "ide.audit",
    "ide.accounts",
    "ide.workspaces",
    "ide.documents",
    "ide.usage",
    "ide.live",
    "ide.notices",
    "ide.dashboard",
    "ide.apps.IdeConfig",
    "agents",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "ide.audit.middleware.remember_place",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "ide.surface.AdminPolicy",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "ide.urls"
ASGI_APPLICATION = "ide.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "ide" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ide.accounts.pages.site",
            ],
        },
    },
]

# --- people ---------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "django.contrib.auth.backends.ModelBackend",  # who signed in before there was the other stays signed in
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/accounts/login/"
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TANDEM_TRUSTED_PROXIES", default=0)  # between people and this server
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "ide.accounts.adapter.InviteOnly"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 10 * 60  # seconds; what protects an account asks again after that
# Mail: without it nobody is asked for an address; with it people verify theirs, sign in by it and reset a password.
MAIL = env.str("EMAIL_URL", default="")  # smtp+tls://user:password@host:587
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("EMAIL_FROM", default="tandem@localhost")
ACCOUNT_LOGIN_METHODS = {"username", "email"} if MAIL else {"username"}
ACCOUNT_EMAIL_VERIFICATION = "optional" if MAIL else "none"
ACCOUNT_EMAIL_NOTIFICATIONS = bool(MAIL)
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
ACCOUNT_PREVENT_ENUMERATION = "strict"
# Second factors and passkeys. Their secrets are stored encrypted (ide/accounts/adapter.py).
MFA_ADAPTER = "ide.accounts.adapter.Factors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = SITE_NAME
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC_URL.startswith("https:")  # browsers allow it on this machine only
# Others who say who somebody is. People still come by invite, or by an address of a domain that is named.
SOCIALACCOUNT_ADAPTER = "ide.accounts.adapter.InviteOnlySocial"
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # an address alone does not open an account that has a password
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_STORE_TOKENS = False
SIGN_UP_DOMAINS = env.list("TANDEM_SIGN_UP_DOMAINS", default=[])  # of verified addresses that need no invite
_openid: dict[str, Any] = {
    "provider_id": "openid",
    "name": env.str("OIDC_NAME", default="Single sign-on"),
    "client_id": env.str("OIDC_CLIENT_ID", default=""),
    "secret": env.str("OIDC_CLIENT_SECRET", default=""),
    "settings": {"server_url": env.str("OIDC_SERVER", default="")},  # its address, or that of its discovery document
}
_github: dict[str, Any] = {
    "client_id": env.str("GITHUB_CLIENT_ID", default=""),
    "secret": env.str("GITHUB_CLIENT_SECRET", default=""),
}
_gitlab: dict[str, Any] = {
    "client_id": env.str("GITLAB_CLIENT_ID", default=""),
    "secret": env.str("GITLAB_CLIENT_SECRET", default=""),
    "settings": {"gitlab_url": env.str("GITLAB_URL", default="https://gitlab.com")},
}
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {"APPS": [_openid] if _openid["client_id"] else [], "OAUTH_PKCE_ENABLED": True},
    "github": {"APPS": [_github] if _github["client_id"] else [], "SCOPE": ["read:user", "user:email"]},
    "gitlab": {"APPS": [_gitlab] if _gitlab["client_id"] else [], "SCOPE": ["read_user"]},
}

_sign_in_at = [
    "{0.scheme}://{0.netloc}".format(urlsplit(address))
    for app, address in (
        (_openid, _openid["settings"]["server_url"]),
        (_github, "https://github.com"),
        (_gitlab, _gitlab["settings"]["gitlab_url"]),
    )
    if app["client_id"]
]

# --- browser surface ------------------------------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https:")
SESSION_COOKIE_NAME = "__Host-session" if SESSION_COOKIE_SECURE else "tandem_session"
CSRF_COOKIE_NAME = "__Host-csrf" if SESSION_COOKIE_SECURE else "tandem_csrf"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SESSION_COOKIE_SECURE else None
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked by machines on the inside
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SESSION_COOKIE_SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SESSION_COOKIE_SECURE
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # browsers' built-in lists are the domain's owner's decision
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # "no-referrer" would make browsers send `Origin: null` with our own forms
X_FRAME_OPTIONS = "DENY"
# The editor makes one style element, which bears the page's nonce; nothing else is in line. ide/surface.py has /admin/.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF, *_sign_in_at],  # signing in elsewhere begins with a form
        "frame-ancestors": [NONE],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
UPLOAD_LIMIT = 50 << 20

# --- admin ----------------------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": f"{SITE_NAME} administration",
    "SITE_HEADER": SITE_NAME,
    "SITE_SUBHEADER": "Administration",
    "SITE_URL": "/dashboard/",
    "SITE_ICON": "/static/icon.svg",
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {
        "primary": {
            **{"50": "#f0fafa", "100": "#d6f1f0", "200": "#aee2e1", "300": "#7ccdcc", "400": "#46b0b0"},
            **{"500": "#2a9496", "600": "#0f7173", "700": "#115b5e", "800": "#134a4d", "900": "#143e41"},
            "950": "#062528",
        },
    },
}

# --- state ----------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'tandem.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["CONN_MAX_AGE"] = 60  # opening the file anew costs more than most of what is then asked
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # A process that stands still, or whose machine is cut off, amid a transaction gives its locks back soon; and who
    # waits for a server that is cut off hears of it. What the URL says of these comes first.
    DATABASES["default"]["OPTIONS"] = {
        "options": "-c idle_in_transaction_session_timeout=30s",
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        **DATABASES["default"].get("OPTIONS", {}),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", default="") or f"unix://{RUNTIME_DIR / 'valkey.sock'}"
EMBEDDED_VALKEY = not env.str("REDIS_URL", default="")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "tandem"},
    },
}
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5.0

# --- files and the rest ---------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"  # of no use to us, but it must exist: files are served from where they lie
STATIC_ROOT.mkdir(exist_ok=True)
STATICFILES_DIRS = [STATIC_DIST] if STATIC_DIST.exists() else []
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = DEBUG
SERVESTATIC_IMMUTABLE_FILE_TEST = r"^/static/assets/.+-[\w-]{8}\."  # Vite's names carry a hash
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"without_tokens": {"()": "ide.accounts.logs.WithoutTokens"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without_tokens"]},
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
}
