# The image of any service: docker build --build-arg SERVICE=orders --tag canary-row/orders .
# Targets: production (the last; 180 MB, no shell, started by its entry point or by `node FILE`) and dev (restarts when files under /app change).
# It builds with BuildKit and with the builder before it, so it mounts no caches; what is slow is shared by all services.
ARG NODE_IMAGE=node:26-bookworm-slim

# What decides which packages are installed and what is generated, set apart so that other changes leave both cached.
FROM ${NODE_IMAGE} AS repository
WORKDIR /repository
COPY . .
RUN mkdir /manifests /contracts \
  && find . \( -name package.json -o -name package-lock.json -o -name .npmrc \) -exec cp --parents --target-directory=/manifests {} + \
  && cp --parents --recursive --target-directory=/contracts proto buf.yaml buf.gen.yaml buf.gen.otlp.yaml scripts/generate.ts \
  && find . -name schema.prisma -exec cp --parents --target-directory=/contracts {} +

FROM ${NODE_IMAGE} AS packages
WORKDIR /repository
COPY --from=repository /manifests ./
# The repository's own Node is for machines that have an older one. Of the install scripts only buf's does something that is
# of use here: it makes buf start faster.
RUN npm pkg delete optionalDependencies \
  && npm ci --ignore-scripts --include-workspace-root --workspace services --workspace edge --no-progress \
  && npm cache clean --force

FROM packages AS generated
COPY --from=repository /contracts ./
RUN npm run prepare

# From here on an image is of one service.
FROM packages AS service-packages
COPY --from=generated /repository/gen ./gen
COPY scripts ./scripts
ARG SERVICE
RUN node scripts/image-packages.ts "${SERVICE}" /packages

FROM repository AS service-sources
COPY --from=generated /repository/gen ./gen
ARG SERVICE
RUN node scripts/image-sources.ts "${SERVICE}" /sources

# What production runs: one file of plain JavaScript beside the sources, which Jobs and seeds run and stacks name.
FROM packages AS application
COPY --from=service-packages /packages /app
COPY --from=service-sources /sources /app
COPY laptop/src/bundle ./laptop/src/bundle
COPY scripts/image-bundle.ts ./scripts/
RUN node scripts/image-bundle.ts /app

# Node, the libraries that it and native packages are linked with, and an account: all that production needs of an
# operating system. Of the C library, native packages may want parts that Node does without.
FROM ${NODE_IMAGE} AS system
RUN mkdir -p /system/etc /system/usr/local/bin && mkdir -m 1777 /system/tmp \
  && cp -L "$(command -v node)" /system/usr/local/bin/node \
  && ldd "$(command -v node)" | grep -o '/[^ ]*' > /libraries \
  && for part in resolv rt util; do sed -n "s/libc\.so\.6$/lib$part.so.*/p" /libraries; done > /parts \
  && cp -L --parents --target-directory=/system $(cat /libraries /parts) \
  && echo 'node:x:1000:1000::/app:/sbin/nologin' > /system/etc/passwd \
  && echo 'node:x:1000:' > /system/etc/group

# For live update: tar can write all of /app, and Node starts again when what it has loaded changes.
FROM ${NODE_IMAGE} AS dev
ENV NODE_ENV=production TZ=UTC
COPY --from=service-packages --chown=1000:1000 /packages /app
COPY --from=service-sources --chown=1000:1000 /sources /app
WORKDIR /app/service
USER 1000:1000
ENTRYPOINT ["node", "--watch", "--watch-preserve-output", "--max-semi-space-size=8", "src/main.ts"]

# Nothing here is writable to the account, nor has to be.
FROM scratch AS production
ENV NODE_ENV=production TZ=UTC PATH=/usr/local/bin
COPY --from=system /system /
COPY --from=application /app /app
WORKDIR /app/service
USER 1000:1000
# Node is process 1: it starts no other, and the service handles SIGTERM itself. The flag is the laptop's too.
ENTRYPOINT ["node", "--max-semi-space-size=8", "/app/bundle/main.mjs"]
