# docker build -t consentio-sync .
# Behind a company proxy with its own authority: --secret id=ca_bundle,src=/etc/ssl/certs/ca-certificates.crt
# Another base, or one pinned by digest: --build-arg BASE_IMAGE=python:3.13-slim@sha256:...
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/run.txt requirements/build.txt requirements/
# Binary packages only: none of them may run code of its own here. The daemon's environment gets no pip.
RUN --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    if [ -s /run/secrets/ca_bundle ]; then export PIP_CERT=/run/secrets/ca_bundle; fi \
    && python -m venv --without-pip /opt/consentio-sync \
    && python -m pip --python /opt/consentio-sync/bin/python install \
         --only-binary :all: --require-hashes -r requirements/run.txt \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --only-binary :all: --require-hashes -r requirements/build.txt
COPY . .
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /dist \
    && python -m pip --python /opt/consentio-sync/bin/python install --no-deps --no-index /dist/*.whl

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="consentio-sync" \
      org.opencontainers.image.description="Carries accepted orders from the Consentio marketplace into an ERP" \
      org.opencontainers.image.licenses="MIT"
# The root file system is read-only, so nothing may be compiled into it while the daemon runs.
ENV PATH=/opt/consentio-sync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/lib/consentio-sync \
    CONSENTIO_SYNC_CONFIG=/etc/consentio-sync/config.toml
# A volume that is mounted here for the first time takes over the owner.
RUN install -d -m 0750 -o 10001 -g 10001 /var/lib/consentio-sync /var/lib/consentio-sync/erp
COPY --from=build /opt/consentio-sync /opt/consentio-sync
WORKDIR /var/lib/consentio-sync
USER 10001:10001
# Whether the daemon lives. Whether orders flow is told by `healthcheck --ready`: starting anew would not mend that.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --start-interval=2s CMD ["consentio-sync", "healthcheck"]
ENTRYPOINT ["consentio-sync"]
CMD ["run"]
