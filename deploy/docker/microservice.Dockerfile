# syntax=docker/dockerfile:1
# What serves a Python class, to begin images of models with:
#   docker build -f deploy/docker/microservice.Dockerfile -t seldon-microservice .
# and a model's own Dockerfile is then:
#   FROM seldon-microservice
#   COPY . /microservice
#   RUN pip install --no-cache-dir -r requirements.txt
#   CMD ["MyModel"]
# --build-arg EXTRAS=[sklearn] adds an extra of microservice/pyproject.toml.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG EXTRAS=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY microservice /build/seldon-microservice
RUN python -m venv /opt/seldon-microservice \
    && /opt/seldon-microservice/bin/pip install --quiet "/build/seldon-microservice${EXTRAS}"

FROM ${PYTHON_IMAGE}
# The number that Seldon Core's images run under; it owns the packages, so that a model's may be added.
RUN groupadd --gid 8888 seldon \
    && useradd --uid 8888 --gid 8888 --no-create-home --home-dir /microservice --shell /usr/sbin/nologin seldon \
    && install -d -o seldon -g seldon /microservice
COPY --from=build --chown=8888:8888 /opt/seldon-microservice /opt/seldon-microservice
ENV PATH=/opt/seldon-microservice/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /microservice
USER 8888:8888
EXPOSE 9000 5000 6000
STOPSIGNAL SIGTERM
ENTRYPOINT ["seldon-microservice"]
