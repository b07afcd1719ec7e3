#!/bin/sh
# Looks for lost writes for so long: fresh seeds of power cuts, then kills of the real
# binary, half of the time each. A seed that fails is printed.
#
#   scripts/soak.sh MINUTES
set -eu
cd "$(dirname "$0")/.."
minutes=${1:?usage: scripts/soak.sh MINUTES}
half=$((minutes * 30))
cargo test --test durability -- io_faults
DURABILITY_SECS=$half cargo test --test durability -- --nocapture power_loss
DURABILITY_SECS=$half cargo test --test durability -- --nocapture kill9
