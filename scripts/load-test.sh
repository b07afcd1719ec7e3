#!/bin/sh
# Measures orderd beside a bare loop on its HTTP library and its bare store, on this
# machine, and prints the ratios. Needs Rust and a POSIX shell.
#
#   scripts/load-test.sh [--duration SECONDS] [--rounds N] [--json] [--svg FILE] …
#
# Ends with 1 when an answer was wrong; a goal that is missed is only marked.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cargo build --release --quiet --bins --examples >&2
exec "$target/release/examples/load" suite --server "$target/release/orderd" \
    --bare "$target/release/examples/bare" --folder "$target" "$@"
