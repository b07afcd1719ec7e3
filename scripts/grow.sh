#!/bin/sh
# Fills a store with orders, a fifth of them with content, and compares what a create, one
# order, pages of 50 (of all, of those that are open, of a search) and a start cost with what
# they cost at 1,000 orders. Then measures creates while backups are downloaded, and an
# export of everything while creates go on, whose rows it counts. Needs Rust and a POSIX shell.
#
#   scripts/grow.sh [ORDERS] [--rounds N] [--json] …
#
# Ends with 1 when an answer was wrong; a ratio that is missed is only marked.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cargo build --release --quiet --bins --example load >&2
exec "$target/release/examples/load" growth --server "$target/release/orderd" \
    --folder "$target" "$@"
