# The panel in an image: `docker build -t postwarden .`, or `docker compose up` with compose.yaml.

FROM rust:1.95-bookworm AS build
WORKDIR /build
# The dependencies in a layer of their own, built with an empty program: they change rarely and take the longest.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' >src/main.rs \
    && touch src/lib.rs \
    && cargo build --release --locked \
    && rm -r src
COPY src src
COPY migrations migrations
COPY static static
COPY templates templates
COPY packaging/systemd packaging/systemd
# cargo goes by the time of the files, which here is older than that of the empty program.
RUN touch src/main.rs src/lib.rs && cargo build --release --locked

FROM debian:bookworm-slim
# Certificates for a database reached over TLS.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/target/release/postwarden /usr/local/bin/postwarden
# Writes no file: works with a read-only root. A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
ENV POSTWARDEN_LISTEN=0.0.0.0:8025
EXPOSE 8025
# bash asks by itself, so that the image needs no curl.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["bash", "-c", \
    "exec 3<>\"/dev/tcp/127.0.0.1/${POSTWARDEN_LISTEN##*:}\" && printf 'GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["postwarden"]
CMD ["serve"]
