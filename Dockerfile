# Needs BuildKit, which every Docker since 23 builds with; before that: DOCKER_BUILDKIT=1.
# How to run it, and to build it behind a private package index: docs/how-to/run-in-docker.md.
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Without a pip of its own: nothing is installed into it later.
RUN python -m venv --without-pip /opt/schemad
# What schemad needs comes before schemad, so that a change of the code does not install it anew.
COPY requirements-run.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    pip --python /opt/schemad/bin/python install --quiet --only-binary=:all: --require-hashes -r requirements-run.lock
COPY requirements-build.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt \
    pip install --quiet --only-binary=:all: --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY sql sql
COPY src src
RUN pip wheel --quiet --no-deps --no-index --no-build-isolation --wheel-dir /dist . \
    && pip --python /opt/schemad/bin/python install --quiet --no-deps --no-index /dist/*.whl

FROM ${PYTHON_IMAGE}
# Not `adduser`: the slim image need not have it. The number is fixed, so that volumes can be given to it.
RUN groupadd --system --gid 10001 schemad \
    && useradd --system --uid 10001 --gid schemad --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin schemad
COPY --from=build /opt/schemad /opt/schemad
# The drain ends before the 10 seconds are over that `docker stop` gives.
ENV PATH=/opt/schemad/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SCHEMAD_DRAIN_DEADLINE=8 \
    SCHEMAD_LOG_FORMAT=json \
    SCHEMAD_METRICS_ADDR=127.0.0.1:9187
USER 10001:10001
STOPSIGNAL SIGTERM
# /healthz, not `schemad doctor`: that tells whether a daemon would work, and this whether this one does.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["python", "-Im", "schemad.cli.healthcheck"]
ENTRYPOINT ["schemad"]
CMD ["run"]
# Last, as a revision is new each time.
ARG REVISION=unknown
LABEL org.opencontainers.image.title="schemad" \
    org.opencontainers.image.description="Creates low-risk PostgreSQL tables on request, and holds the rest for a person." \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="${REVISION}"
