#!/bin/sh
# Takes the README's pictures of the console anew, into scripts/screenshots. Needs Rust, and
# Chromium: the driver is the one of the console's tests.
set -eu

cd "$(dirname "$0")/.."
folder=$PWD/scripts/screenshots
mkdir -p "$folder"
SCREENSHOTS=$folder REQUIRE_BROWSER=1 cargo test --quiet --test console pictures -- --ignored
for taken in "$folder"/*.b64; do
    base64 -d "$taken" >"${taken%.b64}.png"
    rm "$taken"
done
ls -l "$folder"
