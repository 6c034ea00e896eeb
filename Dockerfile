# One image for web, worker and beat; docker-compose.yml says which is which.
FROM python:3.12-slim-bookworm

# LightGBM's wheel needs the system's OpenMP runtime and does not carry it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    OMP_WAIT_POLICY=passive \
    REMAP_SIGTERM=SIGQUIT \
    BANKSEG_HOME=/var/lib/bankseg

WORKDIR /app

# The locks first: their layer is made again only when one changes. The optional parts (sign-in by a provider, traces, cluster) are in the image, and off until set.
COPY requirements/main.lock requirements/extras.lock requirements/
RUN pip install --require-hashes --requirement requirements/main.lock --requirement requirements/extras.lock

COPY . .
# Editable, because the migrations stand beside the package and not in it.
RUN pip install --no-build-isolation --no-deps --editable . \
    && python -m compileall -q bankseg workers

RUN useradd --system --home-dir /var/lib/bankseg --shell /usr/sbin/nologin bankseg \
    && install --directory --owner=bankseg --group=bankseg --mode=0700 /var/lib/bankseg
USER bankseg
VOLUME /var/lib/bankseg
EXPOSE 8765

CMD ["gunicorn", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--bind", "0.0.0.0:8765", "--worker-tmp-dir", "/dev/shm", "bankseg.wsgi:application()"]
