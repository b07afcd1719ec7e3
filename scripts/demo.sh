#!/bin/sh
# The README's tour by itself: starts the service on a temporary folder, logs in, makes a
# user, places orders, and shows what is stored and what was mailed. Needs Rust and curl.
set -eu

cd "$(dirname "$0")/.."
cargo build --release --quiet
orderd=$PWD/target/release/orderd

folder=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

PORT=0 LOG_FILE=app.log "$orderd" >started 2>log &
pid=$!
url=
while [ -z "$url" ]; do
    kill -0 "$pid" 2>/dev/null || { cat log; exit 1; }
    url=$(sed -n 's/^listening on //p' started)
done

title() { printf '\n== %s\n' "$1"; }
# The value of a string field in JSON that is known to hold no escapes.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
json='Content-Type: application/json'

title "The service is up at $url"
curl -sS "$url/health"; echo

title 'The first admin logs in'
login=$(curl -sS "$url/auth/login" -H "$json" -d '{"username":"admin","password":"Admin123"}')
admin=$(printf '%s' "$login" | field access_token)
printf '%s\n' "$login" | sed 's/"access_token":"[^"]*"/"access_token":"…"/'

title 'and registers a customer'
curl -sS "$url/auth/register" -H "$json" -H "Authorization: Bearer $admin" \
    -d '{"username":"ann","email":"ann@example.com","password":"Secure1!"}'; echo

title 'who places two orders, one of which fails'
ann=$(curl -sS "$url/auth/login" -H "$json" \
    -d '{"username":"ann","password":"Secure1!"}' | field access_token)
for success in true false; do
    curl -sS "$url/orders/create" -H "$json" -H "Authorization: Bearer $ann" \
        -d "{\"success\":$success}"; echo
done

title 'A retry with the same Idempotency-Key makes no second order'
for attempt in first second; do
    curl -sS "$url/orders/create" -H "$json" -H "Authorization: Bearer $ann" \
        -H 'Idempotency-Key: cart-17' -d '{"success":true}' | sed "s/^/$attempt: /"; echo
done

title 'What is stored'
curl -sS "$url/orders/" -H "Authorization: Bearer $ann"; echo
curl -sS "$url/orders/?format=csv" -H "Authorization: Bearer $admin"

title 'The mails (in files, as no SMTP server is set)'
sent() { curl -sS "$url/metrics" | sed -n 's/^orderd_mails_total{outcome="sent"} //p'; }
while [ "$(sent)" != 3 ]; do :; done
ls data/mail
sed '/^Content-Type: text\/html/,$d' "$(ls data/mail/*.eml | head -n 1)"

title 'The log'
cat log
