# docker build -t opro .
# docker run --rm -it --env-file .env -v "$PWD:/work" opro run-opro quickstart
#
# Runs are in ./runs of the folder that is mounted. --env-file brings keys into the container without
# writing them into the image. Other extras: --build-arg EXTRAS=openai,providers,baselines
#
# What could be tried where this was written: there was no Docker daemon, so the image itself was
# not built. Its steps were made one after the other in empty virtual environments (a test of the
# long suite does so, too), with the same wheel.

FROM python:3.13-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.13-slim
ARG EXTRAS=local,openai
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(echo /wheels/opro_cli-*.whl)[$EXTRAS]" \
    && rm -r /wheels \
    && useradd --create-home --uid 1000 opro \
    && mkdir /work && chown opro /work
USER opro
WORKDIR /work
ENTRYPOINT ["opro"]
