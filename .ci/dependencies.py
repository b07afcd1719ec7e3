#!/usr/bin/env python3
"""Licences, sources and duplicates of the packages that orderd is built from.

Needs no network once the packages are there, and no more than Python's standard library.
(cargo-deny checks the same, but building it takes more than six minutes of processor time, and the
gate would have to do that on every machine that lacks it.)

Known security advisories are not checked here: their database is a Git repository that grows every
day and that can't be had without the network. Where it can, run `cargo deny check advisories` or
`cargo audit`; SECURITY.md says what is known.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"

# What may be in a binary that is given away under MIT. A package needs one of its choices here.
LICENCES = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}

# Packages that are there in more than one version, and why. Each costs time to build, and a fault
# that is mended in one version may stand in the other.
RSA = "rsa 0.9, through jwt-simple: the newest that is released, on an older generation of crates"
DUPLICATES = {
    "base64": "standardwebhooks, in tests only, is still on 0.21",
    "block-buffer": RSA,
    "const-oid": RSA,
    "cpufeatures": RSA,
    "crypto-common": RSA,
    "der": RSA,
    "digest": RSA,
    "getrandom": RSA,
    "pem-rfc7468": RSA,
    "pkcs8": RSA,
    "rand": RSA,
    "rand_core": RSA,
    "sha2": RSA,
    "signature": RSA,
    "spki": RSA,
    "embedded-io": "two optional ones of postcard; neither is built",
    "syn": "handlebars uses derive_builder, which is still on 2; at build time only",
}


def main():
    top = Path(__file__).resolve().parent.parent
    packages, members = built_packages(top)
    faults = [
        *wrong_sources((top / "Cargo.lock").read_text()),
        *wrong_licences(package for package in packages if package["id"] not in members),
        *wrong_duplicates(packages),
    ]
    for fault in faults:
        print(f"dependencies: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"dependencies: {len(packages)} packages, sources, licences and duplicates as they should be")


def built_packages(top):
    """All packages that a build for this machine may need, and the ids of our own."""
    host = re.search(r"^host: (.+)$", output(top, "rustc", "-vV"), re.MULTILINE).group(1)
    metadata = json.loads(output(
        top, "cargo", "metadata", "--locked", "--format-version=1",
        f"--filter-platform={host}",
    ))
    return metadata["packages"], set(metadata["workspace_members"])


def output(folder, *command):
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def wrong_sources(lock):
    """Of every package for every platform; one without a source is our own."""
    for package in lock.split("[[package]]")[1:]:
        fields = dict(re.findall(r'^(\w+) = "(.*)"$', package, re.MULTILINE))
        source = fields.get("source")
        if source is None:
            continue
        if source != CRATES_IO:
            yield f"{fields['name']} {fields['version']} comes from {source}"
        elif "checksum" not in fields:
            yield f"{fields['name']} {fields['version']} has no checksum"


def wrong_licences(packages):
    for package in packages:
        expression = package["license"]
        if not expression or not is_allowed(expression):
            yield f"{package['name']} {package['version']}: the licence is {expression}"


def is_allowed(expression):
    """Whether one may choose only licences in LICENCES (SPDX expressions; AND binds tighter)."""
    # Older packages write MIT/Apache-2.0.
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    allowed, rest = either(tokens)
    return allowed and not rest


def either(tokens):
    allowed, tokens = both(tokens)
    while tokens[:1] == ["OR"]:
        other, tokens = both(tokens[1:])
        allowed = allowed or other
    return allowed, tokens


def both(tokens):
    allowed, tokens = one(tokens)
    while tokens[:1] == ["AND"]:
        other, tokens = one(tokens[1:])
        allowed = allowed and other
    return allowed, tokens


def one(tokens):
    if not tokens:
        return False, []
    if tokens[0] == "(":
        allowed, tokens = either(tokens[1:])
        return allowed and tokens[:1] == [")"], tokens[1:]
    length = 3 if tokens[1:2] == ["WITH"] else 1
    return " ".join(tokens[:length]) in LICENCES, tokens[length:]


def wrong_duplicates(packages):
    versions = defaultdict(set)
    for package in packages:
        versions[package["name"]].add(package["version"])
    found = {name: sorted(several) for name, several in versions.items() if len(several) > 1}
    for name in sorted(found.keys() - DUPLICATES.keys()):
        yield f"{name} is there as {' and '.join(found[name])}, and no reason is listed"
    for name in sorted(DUPLICATES.keys() - found.keys()):
        yield f"{name} is there once only: take it off the list of duplicates"


if __name__ == "__main__":
    main()
