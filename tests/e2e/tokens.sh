#!/usr/bin/env bash
# The token dance with plain curl: challenges, anonymous and named tokens, scopes, errors in OCI's words.
. "$(dirname "$0")/lib/e2e.sh"

start_server
make_project private
image "$work/layout" v1
image "$work/layout" v2 --seed 2
for target in library/app:v1 private/app:v1; do
    skopeo copy --dest-creds "admin:$password" --dest-tls-verify=false "oci:$work/layout:v1" "docker://$registry/$target"
done
manifest=application/vnd.oci.image.manifest.v1+json

# manifest STATUS REPOSITORY TOKEN
manifest() {
    http "$1" --header "Authorization: Bearer $3" --header "Accept: $manifest" "$url/v2/$2/manifests/v1"
}

scenario "the version check challenges those without a token"
http 401 "$url/v2/"
contains "$(header www-authenticate)" "Bearer realm=\"$url/service/token\",service=\""
equal registry/2.0 "$(header docker-distribution-api-version)"
equal UNAUTHORIZED "$(jq -r '.errors[0].code' <<<"$body")"

scenario "a challenge names the scope, also for HEAD"
http 401 "$url/v2/private/app/manifests/v1"
contains "$(header www-authenticate)" 'scope="repository:private/app:pull"'
http 401 --head "$url/v2/private/app/manifests/v1"
contains "$(header www-authenticate)" 'scope="repository:private/app:pull"'
http 401 --request POST "$url/v2/private/app/blobs/uploads/"
contains "$(header www-authenticate)" 'scope="repository:private/app:'
contains "$(header www-authenticate)" 'push'

scenario "the version check takes a name and a password as well"
http 200 --user "admin:$password" "$url/v2/"
http 401 --user admin:wrong "$url/v2/"
equal UNAUTHORIZED "$(jq -r '.errors[0].code' <<<"$body")"

scenario "anonymous pulls from a public project and from nothing else"
manifest 200 library/app "$(bearer repository:library/app:pull)"
equal "$(digest_of "$work/body")" "$(header docker-content-digest)"
manifest 401 private/app "$(bearer repository:private/app:pull)"
contains "$(header www-authenticate)" 'Bearer'

scenario "a wrong password gets no token but an OCI error"
http 401 --user admin:wrong --get "$url/service/token" --data "service=$(service)" \
    --data-urlencode 'scope=repository:library/app:pull'
equal UNAUTHORIZED "$(jq -r '.errors[0].code' <<<"$body")"

scenario "a token has what clients read"
http 200 --user "admin:$password" --get "$url/service/token" --data "service=$(service)"
below "$(jq .expires_in <<<"$body")" 59
equal "$(jq -r .token <<<"$body")" "$(jq -r .access_token <<<"$body")"
contains "$(jq -r .issued_at <<<"$body")" "T"

scenario "a named token opens what the name may do"
manifest 200 private/app "$(bearer repository:private/app:pull admin "$password")"

scenario "one token holds several scopes, in either way of asking"
both=$(curl -sS --fail-with-body --user "admin:$password" --get "$url/service/token" --data "service=$(service)" \
    --data-urlencode 'scope=repository:library/app:pull' --data-urlencode 'scope=repository:private/app:pull' | jq -r .token)
manifest 200 library/app "$both"
manifest 200 private/app "$both"
both=$(bearer 'repository:library/app:pull repository:private/app:pull' admin "$password")
manifest 200 library/app "$both"
manifest 200 private/app "$both"

scenario "a token opens nothing beside its scope"
pull=$(bearer repository:library/app:pull admin "$password")
manifest 401 private/app "$pull"
http 401 --request POST --header "Authorization: Bearer $pull" "$url/v2/library/app/blobs/uploads/"
contains "$(header www-authenticate)" 'push'

scenario "a changed token is no token"
manifest 401 private/app "$(bearer repository:private/app:pull admin "$password" | tr 'A-Za-z' 'B-ZAb-za')"
manifest 401 private/app "not.a.token"

scenario "scopes that nobody can read are left out or refused, never granted"
status=$(curl -sS -o "$work/odd" -w '%{http_code}' --get "$url/service/token" --data "service=$(service)" \
    --data-urlencode 'scope=repository:UPPER/app:pull,push,*')
case $status in
    200) manifest 401 private/app "$(jq -r .token "$work/odd")" ;;
    *) equal 400 "$status" ;;
esac

scenario "the catalog is the administrator's"
http 401 "$url/v2/_catalog"
http 200 --header "Authorization: Bearer $(bearer 'registry:catalog:*' admin "$password")" "$url/v2/_catalog?n=1"
equal '["library/app"]' "$(jq -c .repositories <<<"$body")"
contains "$(header link)" 'rel="next"'
