# syntax=docker/dockerfile:1
# Airlock in a small image: a build stage, and a runtime with one binary, the sample policies and no root.

FROM rust:1.95.0-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc g++ make cmake \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin airlock \
 && strip --strip-debug -o /airlock target/release/airlock
# Owned by the runtime's user, so that a fresh volume is writable for it.
RUN mkdir -p /empty/data

FROM debian:bookworm-slim
# the roots by which receivers of webhooks are known
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /airlock /usr/local/bin/airlock
COPY --from=build --chown=10001:10001 /empty/data /var/lib/airlock
COPY policies /etc/airlock/policies
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/airlock/
USER 10001:10001
ENV AIRLOCK_LISTEN=0.0.0.0:8080 \
    AIRLOCK_ADMIN_LISTEN=127.0.0.1:8081 \
    AIRLOCK_DATA=/var/lib/airlock \
    AIRLOCK_POLICIES=/etc/airlock/policies \
    AIRLOCK_LOG_FORMAT=json
VOLUME /var/lib/airlock
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["airlock", "health", "--listen", "127.0.0.1:8080"]
ENTRYPOINT ["airlock"]
CMD ["serve"]
