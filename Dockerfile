# Any image with Python 3.11 or newer will do, Debian's own too (with python3-venv).
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
ARG PIP_INDEX_URL=https://pypi.org/simple
# What most need. Parquet and remote stores (s3, gcs, azure, sftp) weigh more than all the rest: --build-arg EXTRAS="... s3 parquet"
ARG EXTRAS="fast postgres mysql excel zstd alerts"
# uv reads the lock; pip installs, so that a mirror (--build-arg PIP_INDEX_URL=...) serves the same versions, by hash.
RUN python3 -m venv /opt/build && /opt/build/bin/pip install -qq --no-cache-dir uv
# Only to make the image smaller, by a third.
RUN command -v strip >/dev/null || { apt-get update -qq && apt-get install -qq --no-install-recommends binutils >/dev/null; } \
 || echo "there is no strip: the image is larger than it has to be"
WORKDIR /src
COPY pyproject.toml uv.lock ./
RUN /opt/build/bin/uv export --frozen --quiet --no-dev $(printf -- '--extra %s ' $EXTRAS) --no-emit-project --output-file /opt/build/locked.txt \
 && python3 -m venv --without-pip /opt/customer-sync \
 && /opt/build/bin/pip --python /opt/customer-sync/bin/python install -qq --no-cache-dir --require-hashes -r /opt/build/locked.txt
COPY . .
# What is left out is never opened: debug symbols, C sources, where phone numbers are from, the syntax of programming languages,
# apprise's icons and its words in other languages, and languages that names of countries are not read in ("no" is what "nb" builds on).
RUN /opt/build/bin/pip --python /opt/customer-sync/bin/python install -qq --no-cache-dir --no-deps . \
 && cd /opt/customer-sync/lib/python3*/site-packages \
 && find . \( -name '*.c' -o -name '*.pyx' -o -name '*.pxd' \) -delete \
 && rm -rf phonenumbers/geodata phonenumbers/carrierdata phonenumbers/tzdata apprise/assets apprise/i18n pygments/lexers/[!_]*.py pygments/lexers/__pycache__ \
 && kept=" root no $(/opt/customer-sync/bin/python -c 'from sync.pipeline.transforms import COUNTRY_LOCALES as kept; print(*kept)') " \
 && for file in babel/locale-data/*.dat; do case "$kept" in *" $(basename "$file" .dat) "*) ;; *) rm "$file" ;; esac; done \
 && if command -v strip >/dev/null; then find . -name '*.so' -exec strip --strip-unneeded {} +; fi

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="customer-sync" \
      org.opencontainers.image.description="Keeps the customers of Sellercloud, RPM Software, WebCommander and SparkLayer equal to your own" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 10001 customer-sync \
 && useradd --no-log-init --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/customer-sync --shell /usr/sbin/nologin customer-sync \
 && install -d -o 10001 -g 10001 /var/lib/customer-sync
COPY --from=build /opt/customer-sync /opt/customer-sync
ENV PATH=/opt/customer-sync/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
# The config's relative paths start here, so what must be remembered is in the volume. Nothing else is written, but /tmp.
WORKDIR /var/lib/customer-sync
VOLUME /var/lib/customer-sync
EXPOSE 8910
STOPSIGNAL SIGTERM
# Alive where `serve` listens; it finishes what is in flight within the ten seconds that are given it to stop.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["python3", "-c", \
 "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8910, timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["customer-sync"]
CMD ["serve", "--config", "/etc/customer-sync"]
