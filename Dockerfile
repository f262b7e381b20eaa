# Two stages: the first installs what the lock files name, to the byte, the second holds the result and no tool to change it.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY pyproject.toml requirements.lock requirements-build.lock README.md LICENSE config.example.yaml ./
COPY bridge bridge
COPY mappings mappings
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# Nothing is resolved, nothing is built but our own wheel, and no file is taken whose sum is not in a lock file.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --quiet --require-hashes --no-deps -r requirements-build.lock \
 && /opt/build/bin/python -m hatchling build -t wheel -d /opt/wheel >/dev/null
RUN python -m venv /opt/chat2crm \
 && /opt/chat2crm/bin/pip install --quiet --require-hashes --no-deps --only-binary :all: -r requirements.lock \
 && /opt/chat2crm/bin/pip install --quiet --no-deps --no-index /opt/wheel/*.whl \
 && /opt/chat2crm/bin/pip uninstall --quiet --yes setuptools pip \
 # names of places and carriers for numbers, which nothing here asks for
 && cd /opt/chat2crm/lib/python3*/site-packages/phonenumbers \
 && rm -rf geodata carrierdata tzdata

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="chat2crm" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/chat2crm /opt/chat2crm
# Everything that lasts is in /data: config.yaml, .env and the store. The rest of the file system may be read-only.
# A number, not a name: a cluster that forbids root can only check numbers.
RUN mkdir /data && chown 10001:10001 /data
ENV PATH=/opt/chat2crm/bin:$PATH \
    CHAT2CRM_CONFIG=/data/config.yaml \
    CHAT2CRM_HEALTH=http://127.0.0.1:8080/healthz \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
# `sqlite:///data/chat2crm.db` is read from here
WORKDIR /
VOLUME /data
# the public listener and, if `ops.host` lets anybody in, the ops page
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['CHAT2CRM_HEALTH'], timeout=4)"]
ENTRYPOINT ["chat2crm"]
CMD ["serve"]
