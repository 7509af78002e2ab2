"""All settings, read once from the environment. Nothing else reads `os.environ`.

Safe by default: without SECRET_KEY, DATABASE_URL and the key files the process refuses to start.
docs/operations.md lists every variable; docs/production.env.example is a full production set.
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import logs
from marketplace.ledger.verify import COSIGNATURE, NotValid, parse_vkey

BASE_DIR = Path(__file__).resolve().parent.parent


def required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set: see docs/operations.md")
    return value


def secret(name: str, *, needed: bool = False) -> str:
    """From the file that NAME_FILE names, so that no environment shows it; else from NAME."""
    file = os.environ.get(f"{name}_FILE", "")
    if not file:
        return required(name) if needed else os.environ.get(name, "")
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}") from error


def flag(name: str) -> bool:
    return os.environ.get(name, "0") == "1"


def words(name: str) -> list[str]:
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


# While PostgreSQL is away a page says so within seconds; once it is back the next request finds
# it, since an attempt to reconnect is given up early instead of pausing longer each time.
POOL = {"min_size": 1, "max_size": 8, "timeout": 3, "reconnect_timeout": 2}


def database(url: str, *, pooled: bool) -> dict:
    parts = urlsplit(url)
    return {
        "ENGINE": "marketplace.base.backend",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 3} | ({"pool": POOL} if pooled else {}),
    }


# -- Where we are -----------------------------------------------------------------------------
DEBUG = flag("DEBUG")
DEMO = flag("DEMO")
SECRET_KEY = secret("SECRET_KEY", needed=True)
ALLOWED_HOSTS = words("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")
SITE_URL = os.environ.get("SITE_URL", "http://localhost:8000")
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Databases: the application's role, and the owner's for migrations only ----------------------
DATABASES = {"default": database(secret("DATABASE_URL", needed=True), pooled=flag("DATABASE_POOL"))}
DATABASE_APP_ROLE = DATABASES["default"]["USER"]
if owner := secret("DATABASE_OWNER_URL"):
    DATABASES["owner"] = database(owner, pooled=False)
# Demo counts and profile D are refused elsewhere; the clock's body is checked at start-up.
CLOCK_MAY_BE_REPLACED = flag("CLOCK_MAY_BE_REPLACED")

# -- Applications ------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "pgtrigger",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "marketplace",
]
MIDDLEWARE = [
    "marketplace.web.observed.ObservedMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "marketplace.web.lanes.TokenLaneMiddleware",
    "marketplace.web.policy.PolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "marketplace.web.caching.SharedAddressesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "marketplace.web.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "marketplace.web.signed_in.SignedInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "marketplace.web.acting.ActingMiddleware",
    "marketplace.web.second_factor.SecondFactorMiddleware",
    "marketplace.web.pledges.PledgeMiddleware",
    "marketplace.web.inspections.InspectionMiddleware",
    "marketplace.web.caching.PrivatePagesMiddleware",
    "marketplace.api.throttles.RateLimitMiddleware",
]
# Instead of what follows it above, for a request of the API that brings a token.
TOKEN_MIDDLEWARE = [
    "marketplace.web.policy.PolicyMiddleware",
    "marketplace.web.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "marketplace.web.inspections.InspectionMiddleware",
    "marketplace.web.caching.PrivatePagesMiddleware",
    "marketplace.api.throttles.RateLimitMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the apps, so that our account pages stand in front of those of allauth.
        "DIRS": [BASE_DIR / "marketplace" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "marketplace.web.context.site",
            ],
            "builtins": [
                "django.templatetags.i18n",
                *(
                    f"marketplace.web.templatetags.{name}"
                    for name in ("jiebang", "drawings", "controls")
                ),
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

# -- People ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "marketplace.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "desk"
LOGOUT_REDIRECT_URL = "board"
ACCOUNT_ADAPTER = "marketplace.web.signin.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
# Attempts at passwords, codes and letters; counted in the database, for all processes together.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",  # passwords by account, codes by person
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
    # Anonymous tips: by a salted hash of the sender, and all senders together.
    "tip": "5/h/key",
    "tip_lookup": "30/h/key",
    "tip_together": "300/h/key",
    # Cosignatures handed in for the log.
    "cosign": "30/m/ip",
}
MFA_RATE_LIMITS = {"webauthn_login": "10/m/ip"}
# Behind a proxy the limits count its clients, by the address that it adds, not the proxy itself.
BEHIND_PROXY = flag("BEHIND_PROXY")
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0
SESSION_COOKIE_AGE = 12 * 3600
# Mail is sent only where a server is named, and never from a demo, whose people are invented.
EMAIL_HOST = "" if DEMO else os.environ.get("EMAIL_HOST", "")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'dummy'}.EmailBackend"
EMAIL_TIMEOUT = 10
EMAIL_PORTS = {"": "25", "starttls": "587", "tls": "465"}
# A second factor for whoever decides, and a fresh proof before what cannot be taken back.
MFA_OPTIONAL = flag("MFA_OPTIONAL")
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEMO
MFA_ADAPTER = "marketplace.accounts.factors.FactorAdapter"
# A judge proves himself before a sheet opens, once in so many seconds; what he then writes is
# still taken for as long again.
SCORING_PROOF_SECONDS = 2 * 3600
MFA_TOTP_ISSUER = "Jiebang"
MFA_TOTP_TOLERANCE = 1
# By which route of base/signing.py reports and agreements are signed.
SIGNING_ROUTE = os.environ.get("SIGNING_ROUTE", "reauthentication")
MFA_FORMS = {
    "authenticate": "marketplace.web.forms.second_factor.AuthenticateOnceForm",
    "reauthenticate": "marketplace.web.forms.second_factor.ReauthenticateOnceForm",
    "add_webauthn": "marketplace.web.forms.second_factor.AddKeyForm",
    "edit_webauthn": "marketplace.web.forms.second_factor.RenameKeyForm",
}
# How the way to it is secured: "" not at all, "starttls" or "tls" from the first byte. Certificates
# are checked, for a house's own authority with SSL_CERT_FILE.
EMAIL_SECURITY = os.environ.get("EMAIL_SECURITY", "")
if EMAIL_SECURITY not in EMAIL_PORTS:
    raise ImproperlyConfigured("EMAIL_SECURITY is none of: empty, starttls, tls")
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_SECURITY == "starttls", EMAIL_SECURITY == "tls"
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", EMAIL_PORTS[EMAIL_SECURITY]))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
if EMAIL_HOST_USER and not EMAIL_SECURITY:
    raise ImproperlyConfigured(
        "EMAIL_HOST_USER needs EMAIL_SECURITY: a password is not sent in clear"
    )
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "jiebang@localhost")

# -- Cache, queue --------------------------------------------------------------------------------
REDIS_URL = secret("REDIS_URL", needed=True)
CACHES = {
    # In PostgreSQL: what limits guesses must neither vanish with Redis nor count per process.
    "default": {"BACKEND": "marketplace.base.counting.CountingCache"},
    # Seen by every process, gone at any moment, and whole numbers only: nothing is unpickled.
    "shared": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "jb",
        "OPTIONS": {
            "serializer": "marketplace.base.shared.WholeNumbers",
            "socket_timeout": 0.3,
            "socket_connect_timeout": 0.3,
        },
    },
}
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A nudge must not hold a request while Redis is away: the sweep delivers later.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 1}
SWEEP_SECONDS = float(os.environ.get("SWEEP_SECONDS", "10"))
CELERY_TASK_ROUTES = {"marketplace.tasks.evaluate_next": {"queue": "evaluation"}}
CELERY_BEAT_SCHEDULE = {
    "deliver": {"task": "marketplace.tasks.deliver_outbox", "schedule": SWEEP_SECONDS},
    "close": {"task": "marketplace.tasks.sweep_deadlines", "schedule": SWEEP_SECONDS},
    "heats": {"task": "marketplace.tasks.sweep_heats", "schedule": SWEEP_SECONDS},
    "attempts": {"task": "marketplace.tasks.sweep_attempts", "schedule": SWEEP_SECONDS},
    "invitations": {"task": "marketplace.tasks.sweep_invitations", "schedule": SWEEP_SECONDS},
    "signings": {"task": "marketplace.tasks.sweep_signings", "schedule": SWEEP_SECONDS},
    "prune": {"task": "marketplace.tasks.prune", "schedule": crontab(hour="3", minute="30")},
    "reminders": {"task": "marketplace.tasks.send_reminders", "schedule": 60.0},
    "digests": {"task": "marketplace.tasks.promise_digests", "schedule": 60.0},
    "searches": {"task": "marketplace.tasks.promise_searches", "schedule": 600.0},
    "packages": {"task": "marketplace.tasks.discard_stale_packages", "schedule": 3600},
    "counts": {"task": "marketplace.tasks.forget_counts", "schedule": 600.0},
    "access": {"task": "marketplace.tasks.seal_access_days", "schedule": 600.0},
    "uploads": {"task": "marketplace.tasks.sweep_uploads", "schedule": 600.0},
}

# -- The monitor of outages, whose record moves deadlines ----------------------------------------
# Asked as a visitor asks: by the address of the site itself, where nothing else is said.
MONITOR_URL = os.environ.get("MONITOR_URL", f"{SITE_URL.rstrip('/')}/health/ready")
MONITOR_SECONDS = float(os.environ.get("MONITOR_SECONDS", "5"))
# An outage that goes on is written in pieces of this length.
MONITOR_PIECE_SECONDS = float(os.environ.get("MONITOR_PIECE_SECONDS", "60"))

# -- Files and keys ------------------------------------------------------------------------------
STORAGE_ROOT = Path(required("STORAGE_ROOT"))
# Uploads lie here until they are whole; on the same disk they need no copying.
STORAGE_SHARED = flag("STORAGE_SHARED")
SPOOL_ROOT = Path(os.environ.get("SPOOL_ROOT", str(STORAGE_ROOT / "spool")))
# What the monitor saw while the database was away.
MONITOR_FILE = Path(os.environ.get("MONITOR_FILE", str(STORAGE_ROOT / "monitor" / "seen.json")))
# With a bucket named, files are kept there instead of under STORAGE_ROOT.
S3_BUCKET = os.environ.get("S3_BUCKET", "")
S3_ENDPOINT_URL = os.environ.get("S3_ENDPOINT_URL", "")
S3_REGION = os.environ.get("S3_REGION", "us-east-1")
S3_KEY_ID = os.environ.get("S3_KEY_ID", "")
S3_SECRET = secret("S3_SECRET", needed=bool(S3_BUCKET))
RECEIPT_KEY_FILE = Path(required("RECEIPT_KEY_FILE"))

# -- The log (docs/log.md) -----------------------------------------------------------------------
LOG_KEY_FILE = Path(required("LOG_KEY_FILE"))
# The log's name for good; a log that lost leaves goes on under another.
LOG_ORIGIN = os.environ.get("LOG_ORIGIN", f"{urlsplit(SITE_URL).hostname}/log")
LOG_CADENCE_SECONDS = int(os.environ.get("LOG_CADENCE_SECONDS", "2" if DEMO else "300"))
LOG_BATCH_QUANTUM = int(os.environ.get("LOG_BATCH_QUANTUM", "1" if DEMO else "16"))
LOG_MERGE_DELAY_SECONDS = int(os.environ.get("LOG_MERGE_DELAY_SECONDS", "600"))
LOG_ANCHOR_FILE = Path(os.environ.get("LOG_ANCHOR_FILE", str(STORAGE_ROOT / "log" / "checkpoint")))
LOG_WITNESSES = os.environ.get("LOG_WITNESSES", "").split()
for vkey in LOG_WITNESSES:
    try:
        good = parse_vkey(vkey).kind == COSIGNATURE
    except NotValid:
        good = False
    if not good:
        raise ImproperlyConfigured(f"LOG_WITNESSES: {vkey!r} is no verifier key of a witness")
# An RFC 3161 authority, and the certificates that its tokens are checked against; empty: none.
LOG_TIMESTAMP_URL = os.environ.get("LOG_TIMESTAMP_URL", "")
LOG_TIMESTAMP_CA = Path(os.environ.get("LOG_TIMESTAMP_CA", ""))
if LOG_TIMESTAMP_URL and (
    urlsplit(LOG_TIMESTAMP_URL).scheme not in {"http", "https"} or not LOG_TIMESTAMP_CA.is_file()
):
    raise ImproperlyConfigured(
        "LOG_TIMESTAMP_URL needs an http(s) address, and LOG_TIMESTAMP_CA a file of certificates."
    )
CELERY_BEAT_SCHEDULE["log"] = {
    "task": "marketplace.tasks.seal_log",
    "schedule": max(1.0, LOG_CADENCE_SECONDS / 10),
}
CELERY_BEAT_SCHEDULE["stamp"] = {"task": "marketplace.tasks.stamp_log", "schedule": 60.0}
CELERY_BEAT_SCHEDULE["watch"] = {"task": "marketplace.tasks.watch_log", "schedule": 60.0}
CELERY_BEAT_SCHEDULE["check"] = {
    "task": "marketplace.tasks.check_log",
    "schedule": crontab(hour="4", minute="0"),
}
# Keys of the second factors' secrets; in no backup of the database.
FACTOR_KEY_FILE = required("FACTOR_KEY_FILE")
OPENER_RECIPIENT = required("OPENER_RECIPIENT")
# Only the opener's own process is given this one.
OPENER_IDENTITY_FILE = os.environ.get("OPENER_IDENTITY_FILE", "")
# A folder of the opener's account alone, with room for what one bid unpacks to.
OPENER_FOLDER = Path(os.environ.get("OPENER_FOLDER", str(STORAGE_ROOT / "opener")))
# To whom the hidden truth of a race is sealed. Only the evaluation's own process is given the file.
EVALUATION_RECIPIENT = required("EVALUATION_RECIPIENT")
EVALUATION_IDENTITY_FILE = os.environ.get("EVALUATION_IDENTITY_FILE", "")
# A folder of the evaluation's account alone, with room for a result, a truth and the list of ids.
EVALUATION_FOLDER = Path(os.environ.get("EVALUATION_FOLDER", str(STORAGE_ROOT / "evaluation")))
# What measuring one file may take: address space and time.
EVALUATION_MEMORY_MIB = int(os.environ.get("EVALUATION_MEMORY_MIB", "8192"))
EVALUATION_SECONDS = int(os.environ.get("EVALUATION_SECONDS", "900"))
# The log's verifier key, by which the opener knows the log; it takes nothing else for true.
OPENER_LOG_VKEY = os.environ.get("OPENER_LOG_VKEY", "")
# A demonstration keeps a key for everybody who may confirm an opening; nothing else may.
DEMO_HOLDER_KEYS_FILE = Path(required("DEMO_HOLDER_KEYS_FILE")) if DEMO else None
STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
WHITENOISE_USE_FINDERS = flag("STATIC_FROM_SOURCE")
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(STORAGE_ROOT)},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if flag("STATIC_FROM_SOURCE")
        else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    },
}
# Plaintext of a bid must never touch a disk: uploads stay in memory, so requests are bounded.
FILE_UPLOAD_HANDLERS = ["marketplace.files.uploads.BoundedMemoryUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
DATA_UPLOAD_MAX_NUMBER_FILES = 20

# -- Language and time ---------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "marketplace" / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

# -- The browser ---------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}
HTTPS = not DEMO and not flag("INSECURE_HTTP")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

# -- API -----------------------------------------------------------------------------------------
# Who asks: how many requests in how many seconds. A token and a person each count for themselves,
# everybody else by address.
API_LIMIT_FACTOR = int(os.environ.get("API_LIMIT_FACTOR", "1"))
API_LIMITS = {
    "visitor": (300 * API_LIMIT_FACTOR, 60),
    "session": (1200 * API_LIMIT_FACTOR, 60),
    "token": (600 * API_LIMIT_FACTOR, 60),
}
REST_FRAMEWORK = {
    "DEFAULT_THROTTLE_CLASSES": ["marketplace.api.throttles.ApiThrottle"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "marketplace.api.authentication.BearerAuthentication",
        "marketplace.api.authentication.SessionOrNothing",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["marketplace.api.renderers.ORJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "marketplace.api.pagination.KeysetPagination",
    "EXCEPTION_HANDLER": "marketplace.api.errors.problem",
    "URL_FORMAT_OVERRIDE": None,
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Jiebang 揭榜",
    "DESCRIPTION": "Open competition for posted security challenges in Lingang New Area.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_PATCH": False,
    "POSTPROCESSING_HOOKS": ["marketplace.api.schema.describe_problems"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# -- Watching: logs in one line of JSON per event, and figures for whoever holds the token ----------
LOGGING = logs.configure(os.environ.get("LOG_LEVEL", "INFO"))
SLOW_QUERY_SECONDS = float(os.environ.get("SLOW_QUERY_SECONDS", "1"))
# Without a token there is no /metrics.
METRICS_TOKEN = secret("METRICS_TOKEN")
# Several web processes add their figures up in this folder; read when prometheus_client is imported.
METRICS_FOLDER = os.environ.get("METRICS_FOLDER", "")
if METRICS_FOLDER:
    Path(METRICS_FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.update(PROMETHEUS_MULTIPROC_DIR=METRICS_FOLDER)
