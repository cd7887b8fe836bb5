# shellcheck shell=bash
# A headless Chromium, driven through chromedriver by its HTTP protocol (W3C WebDriver).
#
# Sourced after e2e.sh. Elements are named by CSS selectors. `$work/NAME.png` are pictures, for who wants to look.

# open_browser [OPTION..]: of Chromium.
open_browser() {
    local port arguments
    port=$(free_port)
    arguments=$(printf '%s\n' --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --window-size=1280,900 \
        --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
        "--user-data-dir=$work/browser" "$@" | jq -R . | jq -sc .)
    chromedriver --port="$port" >"$work/chromedriver.log" 2>&1 3>&- &
    on_exit "kill $!"
    driver=http://127.0.0.1:$port
    within 20 curl -sf -o /dev/null "$driver/status"
    browser=$driver/session/$(driven POST "$driver/session" "{\"capabilities\":{\"alwaysMatch\":{
        \"browserName\":\"chrome\",\"goog:chromeOptions\":{\"args\":$arguments}}}}" | jq -r .sessionId)
}

close_browser() { driven DELETE "$browser"; }

# driven METHOD URL [JSON]: prints the value of the answer.
driven() {
    local body=()
    [ $# -lt 3 ] || body=(--header 'Content-Type: application/json' --data "$3")
    curl -sS --fail-with-body --max-time 60 --request "$1" "${body[@]}" "$2" | jq -c .value
}

# visit URL
visit() { driven POST "$browser/url" "{\"url\":\"$1\"}"; }

# element SELECTOR: its id.
element() {
    driven POST "$browser/element" "$(jq -nc --arg css "$1" '{using: "css selector", value: $css}')" | jq -r '.[]'
}

# fill SELECTOR TEXT
fill() {
    local id
    id=$(element "$1")
    driven POST "$browser/element/$id/clear" '{}'
    driven POST "$browser/element/$id/value" "$(jq -nc --arg text "$2" '{text: $text}')"
}

# press SELECTOR
press() {
    local id
    id=$(element "$1")
    driven POST "$browser/element/$id/click" '{}'
}

# page_text: what a person reads.
page_text() { driven POST "$browser/execute/sync" '{"script":"return document.body.innerText","args":[]}' | jq -r .; }

address() { driven GET "$browser/url" | jq -r .; }

# picture NAME
picture() { driven GET "$browser/screenshot" | jq -r . | base64 --decode >"$work/$1.png"; }

# sign_in URL PASSWORD: as admin.
sign_in() {
    visit "$1/login"
    fill '#username' admin
    fill '#password' "$2"
    press 'main form button, form.card button'
}
