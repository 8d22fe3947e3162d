# Three targets: `full` serves and trains, `serve` only serves and has no TensorFlow, `cluster` is `full` for the nodes of a cluster.
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS base
ENV PATH=/opt/fitserve/bin:$PATH PYTHONUNBUFFERED=1

# ---- the application as a wheel
FROM base AS wheel
ENV PIP_CACHE_DIR=/var/cache/pip
WORKDIR /build
COPY requirements/build.txt requirements/
RUN --mount=type=cache,target=/var/cache/pip pip install --quiet --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY app app
RUN pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel .

# ---- the libraries, verified by the hashes in requirements/; changes of the application do not rebuild this layer
FROM base AS serve-libraries
ENV PIP_CACHE_DIR=/var/cache/pip
WORKDIR /build
RUN python -m venv --without-pip /opt/fitserve
COPY requirements requirements
ARG EXTRAS=""
RUN --mount=type=cache,target=/var/cache/pip \
    for name in serve $EXTRAS; do files="$files --requirement requirements/$name.txt"; done \
    && pip --python /opt/fitserve install --quiet --require-hashes $files

# Remove what serving does not need: download libraries of tokenizers, tests, and ONNX Runtime's tools for model authors.
FROM serve-libraries AS serve-trimmed
COPY scripts/trim.sh scripts/
RUN pip --python /opt/fitserve uninstall --quiet --yes huggingface_hub hf-xet httpx2 httpcore2 truststore fsspec filelock tqdm \
    && scripts/trim.sh /opt/fitserve/lib/python*/site-packages

FROM serve-libraries AS full-libraries
RUN --mount=type=cache,target=/var/cache/pip \
    pip --python /opt/fitserve install --quiet --require-hashes --requirement requirements/train.txt --requirement requirements/serve.txt
# GPU=true replaces TensorFlow for CPUs by the same version for NVIDIA GPUs.
ARG GPU=false
RUN --mount=type=cache,target=/var/cache/pip \
    if [ "$GPU" = true ]; then \
        version=$(python -c "from importlib.metadata import version; print(version('tensorflow-cpu'))") \
        && pip --python /opt/fitserve uninstall --quiet --yes tensorflow-cpu \
        && pip --python /opt/fitserve install --quiet "tensorflow[and-cuda]==$version"; \
    fi

FROM full-libraries AS cluster-libraries
RUN --mount=type=cache,target=/var/cache/pip \
    pip --python /opt/fitserve install --quiet --require-hashes \
        --requirement requirements/cluster.txt --requirement requirements/train.txt --requirement requirements/serve.txt

FROM serve-trimmed AS serve-build
RUN --mount=from=wheel,source=/wheel,target=/wheel pip --python /opt/fitserve install --quiet --no-deps --no-index /wheel/*.whl

FROM full-libraries AS full-build
RUN --mount=from=wheel,source=/wheel,target=/wheel pip --python /opt/fitserve install --quiet --no-deps --no-index /wheel/*.whl

FROM cluster-libraries AS cluster-build
RUN --mount=from=wheel,source=/wheel,target=/wheel pip --python /opt/fitserve install --quiet --no-deps --no-index /wheel/*.whl
COPY deploy/haproxy /opt/fitserve/bin/ray-haproxy

# ---- the runtime image: no compiler, no pip cache, no root; only /store and /tmp are writable
FROM base AS runtime
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title=Fitserve \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.licenses=Apache-2.0
ENV FITSERVE_HOST=0.0.0.0 FITSERVE_STORE=/store FITSERVE_STARTERS=/opt/starters \
    HOME=/tmp KERAS_HOME=/store/.keras MPLCONFIGDIR=/tmp/matplotlib
RUN install --directory --owner=10001 --group=10001 /store
COPY models_store /opt/starters
VOLUME /store
WORKDIR /store
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
USER 10001:10001
CMD ["python", "-m", "app.main"]

FROM runtime AS serve
COPY --from=serve-build /opt/fitserve /opt/fitserve

FROM runtime AS full
COPY --from=full-build /opt/fitserve /opt/fitserve

# A node of a cluster, or a web process next to it. Ray needs a user name; its usage statistics are disabled.
FROM runtime AS cluster
ENV USER=fitserve RAY_USAGE_STATS_ENABLED=0 RAY_SERVE_HAPROXY_BINARY_PATH=/opt/fitserve/bin/ray-haproxy
COPY --from=cluster-build /opt/fitserve /opt/fitserve
