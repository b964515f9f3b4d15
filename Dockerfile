# Any image with Python 3.11 or newer will do, Debian's own too (with python3-venv).
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
ARG PIP_INDEX_URL=https://pypi.org/simple
# uv reads the lock; pip installs, so that a mirror (--build-arg PIP_INDEX_URL=...) serves the same versions, by hash.
RUN python3 -m venv /opt/build && /opt/build/bin/pip install -qq uv
WORKDIR /src
COPY pyproject.toml uv.lock ./
RUN /opt/build/bin/uv export --frozen --quiet --no-dev --extra fast --no-emit-project --output-file /opt/build/locked.txt \
 && python3 -m venv --without-pip /opt/customer-sync \
 && /opt/build/bin/pip --python /opt/customer-sync/bin/python install -qq --no-cache-dir --require-hashes -r /opt/build/locked.txt
COPY . .
RUN /opt/build/bin/pip --python /opt/customer-sync/bin/python install -qq --no-cache-dir --no-deps .

FROM ${BASE}
LABEL org.opencontainers.image.title="customer-sync" \
      org.opencontainers.image.description="Keeps the customers of Sellercloud, RPM Software, WebCommander and SparkLayer equal to your own" \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 10001 customer-sync \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/customer-sync --shell /usr/sbin/nologin customer-sync \
 && install -d -o 10001 -g 10001 /var/lib/customer-sync
COPY --from=build /opt/customer-sync /opt/customer-sync
ENV PATH=/opt/customer-sync/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
# The config's relative paths start here, so what a run must remember is in the volume.
WORKDIR /var/lib/customer-sync
VOLUME /var/lib/customer-sync
STOPSIGNAL SIGTERM
# Healthy: the config that is mounted is valid, and every secret it names is there.
HEALTHCHECK --interval=60s --timeout=10s --start-period=10s CMD ["customer-sync", "check", "--config", "/etc/customer-sync"]
ENTRYPOINT ["customer-sync"]
CMD ["run", "--config", "/etc/customer-sync"]
