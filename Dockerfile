# The service, for any command of `connector`. Build: docker build --tag connector .
# Packages are those of constraints-image.txt, each with its hash; nothing else is loaded.

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/connector
COPY constraints-image.txt ./
RUN /opt/connector/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
      --requirement constraints-image.txt
COPY pyproject.toml README.md LICENSE ./
COPY connector connector
# What builds the package is not needed to run it.
RUN /opt/connector/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
 && /opt/connector/bin/pip uninstall --yes editables hatchling pathspec pluggy trove-classifiers \
 && /opt/connector/bin/pip uninstall --yes setuptools pip

FROM python:3.11-slim-bookworm
# A number, so that Kubernetes can see that it is not root.
RUN groupadd --system --gid 10001 connector \
 && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/connector --no-create-home \
      --shell /usr/sbin/nologin connector \
 && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/connector
COPY --from=build /opt/connector /opt/connector
ENV PATH=/opt/connector/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CONNECTOR_CONFIG=/etc/connector \
    CONNECTOR_DATA_DIR=/var/lib/connector \
    CONNECTOR_HOST=0.0.0.0 \
    CONNECTOR_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/connector
VOLUME /var/lib/connector
EXPOSE 8484
# Whether it is alive, not whether it is ready: to start it anew helps against no outage of the database.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, ssl, urllib.request; s = 's' if os.environ.get('CONNECTOR_TLS_CERTIFICATE') else ''; urllib.request.urlopen(f\"http{s}://127.0.0.1:{os.environ.get('CONNECTOR_PORT') or 8484}/livez\", timeout=4, context=ssl._create_unverified_context() if s else None)"]
ENTRYPOINT ["connector"]
CMD ["serve"]
