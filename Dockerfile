# syntax=docker/dockerfile:1
# Two images: `api` without torch, and `worker`, for CPU or CUDA by where torch comes from:
#
#   docker build --target api -t winnow/api .
#   docker build --target worker -t winnow/worker:cpu --build-arg TORCH_INDEX=URL .
#                                                               (URL: PyTorch's own index of CPU builds)
#   docker build --target worker -t winnow/worker:cuda .      (x86-64: the default index holds the CUDA build)

ARG PYTHON=3.11

# What both are built from: an environment of its own, with versions by the lock. The project itself is installed as a
# reference to the folder that it will lie in, so that a change in it leaves this layer, and the download, alone.
FROM python:${PYTHON}-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=/srv/winnow/requirements.lock
RUN python -m venv /opt/winnow
ENV PATH=/opt/winnow/bin:$PATH
WORKDIR /srv/winnow
COPY pyproject.toml requirements.lock ./
RUN mkdir winnow && touch winnow/__init__.py README.md LICENSE

FROM build AS build-api
RUN pip install --editable ".[api]"

FROM build AS build-worker
ARG TORCH_INDEX=""
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --editable ".[worker]"

# What both run in: no compiler, no root.
FROM python:${PYTHON}-slim-bookworm AS run
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/winnow winnow \
    && install --directory --owner winnow --group winnow /var/lib/winnow /var/lib/winnow-data
ENV PATH=/opt/winnow/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WINNOW_HOME=/var/lib/winnow \
    WINNOW_DATA_DIR=/var/lib/winnow-data
WORKDIR /srv/winnow
USER 10001

FROM run AS api
COPY --from=build-api /opt/winnow /opt/winnow
COPY alembic.ini ./
COPY alembic alembic
COPY app app
COPY winnow winnow
ENV WINNOW_HOST=0.0.0.0 WINNOW_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "app"]

FROM run AS worker
COPY --from=build-worker /opt/winnow /opt/winnow
COPY worker worker
COPY winnow winnow
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 CMD ["python", "-m", "worker.health"]
CMD ["python", "-m", "worker"]
