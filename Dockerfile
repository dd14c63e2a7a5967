# Builds and tests roga from Debian's packages.
#   docker build -t roga . && docker run --rm roga
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /roga
COPY scripts/install_dependencies.sh scripts/
RUN scripts/install_dependencies.sh
COPY . .
CMD ["scripts/test.sh", "--no-sanitizers"]
