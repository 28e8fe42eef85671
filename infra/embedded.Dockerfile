# Safelight in one container: the embedded engine with a deployed stack. Not for production; see docs/engines.md.
#   docker build --file infra/embedded.Dockerfile --tag safelight .
#   docker run --rm --init --publish 127.0.0.1:4566:4566 safelight
# Anyone who can reach the port can run code in the container, so publish it only on 127.0.0.1.
ARG PYTHON_IMAGE=python:3.13-slim
FROM ${PYTHON_IMAGE}

ENV PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /safelight

COPY requirements/ requirements/
RUN pip install --no-cache-dir --require-hashes --no-deps --requirement requirements/local.txt

COPY pyproject.toml README.md LICENSE ./
COPY api/ api/
COPY infra/ infra/
COPY notifier/ notifier/
COPY safelight/ safelight/
COPY shared/ shared/
COPY web/ web/
COPY worker/ worker/
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && useradd --uid 10001 --create-home safelight \
    && install --directory --owner safelight --group safelight --mode 700 /data

USER safelight
# In the container, the engine listens on all addresses, because Docker forwards published ports to the address of the
# container.
ENV SAFELIGHT_STATE_DIR=/data SAFELIGHT_BIND_HOST=0.0.0.0
VOLUME /data
EXPOSE 4566
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=30s --start-period=120s --retries=3 \
    CMD ["python", "-m", "infra.embedded_container", "health"]
CMD ["python", "-m", "infra.embedded_container"]
