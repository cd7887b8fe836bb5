#!/usr/bin/env bash
# Who may do what: missing projects, guests, developers, maintainers, strangers, robots, public projects.
. "$(dirname "$0")/lib/e2e.sh"

start_server
image "$work/layout" v1
make_project team
for user in dev guest keeper stranger; do make_user $user; done
make_member team dev 2
make_member team guest 3
make_member team keeper 4

# push WHO PASSWORD TARGET, pull WHO PASSWORD SOURCE, remove WHO PASSWORD TARGET
push() { skopeo copy --dest-tls-verify=false --dest-creds "$1:$2" "oci:$work/layout:v1" "docker://$registry/$3"; }
pull() { rm -rf "$work/pulled" && skopeo copy --src-tls-verify=false --src-creds "$1:$2" "docker://$registry/$3" dir:"$work/pulled"; }
remove() { skopeo delete --tls-verify=false --creds "$1:$2" "docker://$registry/$3"; }

scenario "a push to a project that does not exist says so"
refuses push admin "$password" nowhere/app:v1
# skopeo looks with HEAD first, whose answer has no body; what the answer to a push says docker shows as it is.
http 403 --request POST --header "Authorization: Bearer $(bearer repository:nowhere/app:push,pull admin "$password")" \
    "$url/v2/nowhere/app/blobs/uploads/"
equal DENIED "$(jq -r '.errors[0].code' <<<"$body")"
contains "$(jq -r '.errors[0].message' <<<"$body")" 'project "nowhere" does not exist'

scenario "a push without a project in the name is refused"
refuses push admin "$password" app:v1

scenario "a developer pushes and pulls"
push dev "$secret" team/app:v1
pull dev "$secret" team/app:v1

scenario "a guest pulls and cannot push"
pull guest "$secret" team/app:v1
refuses push guest "$secret" team/app:v2
contains "$out" "denied"

scenario "a developer cannot delete, a maintainer can"
push dev "$secret" team/other:v1
refuses remove dev "$secret" team/other:v1
pull dev "$secret" team/other:v1
remove keeper "$secret" team/other:v1
refuses pull dev "$secret" team/other:v1

scenario "a stranger is told the same of a private project and of none at all"
refuses pull stranger "$secret" team/app:v1
private=${out##*level=fatal}
refuses pull stranger "$secret" none/app:v1
absent=${out##*level=fatal}
equal "${private//team/X}" "${absent//none/X}"
refuses push stranger "$secret" team/app:v1

scenario "a role that was taken away is gone with the next token"
member=$(api GET /projects/team/members | jq '.[] | select(.entity_name == "guest") | .id')
api DELETE "/projects/team/members/$member"
refuses pull guest "$secret" team/app:v1

scenario "a robot that may pull pulls and cannot push"
make_robot team reader pull
equal "robot\$team+reader" "$robot"
pull "$robot" "$robot_secret" team/app:v1
refuses push "$robot" "$robot_secret" team/app:v2
contains "$out" "denied"

scenario "a robot that may push pushes, in its own project only"
make_robot team writer pull push
push "$robot" "$robot_secret" team/robots:v1
pull "$robot" "$robot_secret" team/robots:v1
refuses push "$robot" "$robot_secret" library/robots:v1

scenario "a robot with a wrong secret, or deleted, is nobody"
refuses pull "$robot" wrong team/app:v1
contains "$out" "unauthorized"
number=$(api GET '/robots?q=Level=project,ProjectID='"$(api GET /projects/team | jq .project_id)" \
    | jq --arg name "$robot" '.[] | select(.name == $name) | .id')
api DELETE "/robots/$number"
refuses pull "$robot" "$robot_secret" team/app:v1

scenario "a project made public is pulled by anyone"
refuses skopeo inspect --tls-verify=false "docker://$registry/team/app:v1"
api PUT /projects/team '{"metadata":{"public":"true"}}'
skopeo inspect --tls-verify=false "docker://$registry/team/app:v1"
refuses skopeo copy --dest-tls-verify=false "oci:$work/layout:v1" "docker://$registry/team/app:v2"

scenario "a project with repositories is not deleted"
http 412 --request DELETE --user "admin:$password" "$url/api/v2.0/projects/team"
api DELETE /projects/team/repositories/app
api DELETE /projects/team/repositories/robots
api DELETE /projects/team/repositories/other || true
api DELETE /projects/team
http 404 --user "admin:$password" "$url/api/v2.0/projects/team"

scenario "a project made again under the name of a deleted one starts empty"
make_project team true
refuses skopeo inspect --tls-verify=false "docker://$registry/team/app:v1"
