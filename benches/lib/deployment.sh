# shellcheck shell=bash
# Our services as processes of their own, behind our proxy, on a PostgreSQL of their own: what docker-compose.yml starts
# in containers, with the files that `harbor prepare` renders.
#
# Sourced by run.sh after servers.sh. Everything is below $dir and listens on 127.0.0.1. Two things stand in for Docker:
# addresses and folders of the containers are replaced in what was rendered, and util-linux's logger sends each service's
# lines to the collector over UDP, as Docker's syslog driver does. The loggers are not counted as ours, the collector is.

# These come from run.sh and go to it.
# shellcheck disable=SC2034,SC2154

# as_postgres COMMAND..: PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" -eq 0 ]; then
    (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups "$@")
  else
    "$@"
  fi
}

# start_database PORT: made and started as the container harbor-db does it, and as durable.
start_database() {
  local folder=$dir/database
  postgres_programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
  mkdir "$folder"
  # The way there leads through folders that are private otherwise.
  chmod 711 "$root" "$dir"
  [ "$(id -u)" -ne 0 ] || chown postgres: "$folder"
  as_postgres "$postgres_programs/initdb" --pgdata "$folder/pg" --username postgres --auth trust \
    --encoding UTF8 --locale C.UTF-8 --data-checksums >>"$dir/log"
  database=$folder/pg
  if ! as_postgres "$postgres_programs/pg_ctl" --pgdata "$database" --log "$folder/log" --wait start \
    --options "-p $1 -k $folder -c listen_addresses=127.0.0.1 -c max_connections=200" >>"$dir/log"; then
    echo "PostgreSQL did not start; its log:" >&2
    cat "$folder/log" >&2
    exit 1
  fi
  as_postgres "$postgres_programs/createdb" --host "$folder" --port "$1" --username postgres registry
  database_pids=("$(head -n 1 "$database/postmaster.pid")")
}

stop_database() {
  [ -n "${database-}" ] || return 0
  as_postgres "$postgres_programs/pg_ctl" --pgdata "$database" --mode fast stop >/dev/null || true
  database='' database_pids=()
}

# configure: renders into $config what the containers would be given, and moves it out of them. The ports are in
# $http_port, $https_port, $registry_port, $token_port, $ui_port, $jobs_port, $log_port and $database_port.
configure() {
  {
    # The URL says where tokens are to be had, also to who asks a service behind the proxy. For other machines'
    # sake no loopback address is taken; $front is put in its place below.
    echo "hostname = harbor.example.com"
    echo "external_url = ${front%%:*}://harbor.example.com"
    echo "ui_url_protocol = ${front%%:*}"
    echo "ssl_cert = $certificate"
    echo "ssl_cert_key = $certificate_key"
    echo "data_volume = $dir/data"
    echo "log_location = $dir/logs"
    echo "harbor_admin_password = $password"
  } >"$dir/harbor.cfg"
  "$program" prepare --user-owned --conf "$dir/harbor.cfg" --templates deploy/templates --output "$config" \
    --env-file "$dir/env" >>"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }

  sed -i -e "s|registry:5000|127.0.0.1:$registry_port|; s|token:8080|127.0.0.1:$token_port|; s|ui:8080|127.0.0.1:$ui_port|" \
    -e "s|listen 80;|listen 127.0.0.1:$http_port;|; s|listen 443 |listen 127.0.0.1:$https_port |" \
    -e "s|/etc/nginx/|$config/proxy/|; s|alias /storage/|alias $dir/data/registry/|" "$config/proxy/nginx.conf"
  local service port
  for service in registry:$registry_port token:$token_port ui:$ui_port jobservice:$jobs_port log:$log_port; do
    IFS=: read -r service port <<<"$service"
    sed -i -E -e "s|^listen: .*|listen: 127.0.0.1:$port|; s|//registry:5000|//127.0.0.1:$registry_port|" \
      -e "s|^external_url: .*|external_url: $front|" \
      -e "s|^  host: \"/run/postgresql\"\$|  host: $dir/database|; s|^  port: 5432\$|  port: $database_port|" \
      -e "s|: /storage|: $dir/data/registry|; s|: /keys|: $dir/data/keys|; s|: /var/log/harbor|: $dir/logs|" \
      "$config/$service/config.yml"
  done
  if grep -rnE '(^|[ /])(db|registry|token|ui):[0-9]|[ "]0\.0\.0\.0:|[ "](/run/postgresql|/storage|/keys|/var/log|/etc/nginx)|listen (80|443)\b' \
    "$config"/*/{config.yml,nginx.conf} 2>/dev/null | grep -v '^[^:]*:[0-9]*: *#' >&2; then
    echo "benches/lib/deployment.sh: these lines are for containers; the templates have changed, and so must configure()" >&2
    exit 1
  fi
}

# collect TAG: lines go the way that they go under Docker. The logger ends when the service has, and not by the signal
# that ends this script.
collect() {
  trap '' INT TERM
  exec logger --udp --server 127.0.0.1 --port "$log_port" --rfc3164 --priority daemon.info --tag "$1" --size 60KiB
}

# run SERVICE FILE: with the environment that the image gives it.
run() {
  env "${environment[@]}" "$program" "$1" --config "$config/$2" \
    > >(collect "$1") 2>&1 &
  pids+=($!)
}

# start_services SCHEME: sets $front and $log_port.
start_services() {
  local config=$dir/config http_port https_port registry_port token_port ui_port jobs_port database_port
  local environment=()
  read -ra environment <<<"$(sed -n 's/^ENV //p' deploy/images/harbor/Dockerfile)"
  free_ports http_port https_port registry_port token_port ui_port jobs_port log_port database_port
  case $1 in
    http) front=http://127.0.0.1:$http_port ;;
    https) front=https://127.0.0.1:$https_port ;;
  esac
  account=(--user admin --password "$password")
  mkdir "$dir/logs"
  configure
  start_database "$database_port"

  # The collector first: lines to a port that nobody listens on are lost. Its own go where Docker keeps a container's.
  env "${environment[@]}" "$program" log --config "$config/log/config.yml" >>"$dir/log" 2>&1 &
  pids=($!)
  for _ in $(seq 100); do
    "$program" healthcheck --tcp "127.0.0.1:$log_port" >/dev/null 2>&1 && break
    sleep 0.1
  done
  # Then the token service, which makes the key: a registry that started without one takes seconds to see it.
  run token token/config.yml
  await "http://127.0.0.1:$token_port/health" "${pids[@]}"
  local service port
  for service in registry ui jobservice; do run "$service" "$service/config.yml"; done
  run proxy proxy/nginx.conf
  for port in "$registry_port" "$ui_port" "$jobs_port"; do
    await "http://127.0.0.1:$port/health" "${pids[@]}"
  done
  await "$front/api/v2.0/health" "${pids[@]}"
  registry_url=http://127.0.0.1:$registry_port
}

start_deployment() {
  start_services http
  url=$front
}

start_deployment_tls() {
  start_services https
  url=$front
}

# What nginx makes of the proxy's own file, with the same services behind it.
start_deployment_nginx() { start_services_behind_nginx http; }
start_deployment_nginx_tls() { start_services_behind_nginx https; }

start_services_behind_nginx() {
  start_services "$1"
  url=$front
  # The proxy was started last.
  local proxy=$((${#pids[@]} - 1))
  kill "${pids[proxy]}"
  wait "${pids[proxy]}" || true
  # Its workers are another user's, who cannot read the objects.
  nginx -c "$dir/config/proxy/nginx.conf" -e "$dir/nginx.log" -g "daemon off; pid $dir/nginx.pid; user root;" \
    > >(collect proxy) 2>&1 &
  pids[proxy]=$!
  await "$front/api/v2.0/health" "${pids[@]}"
}

# What the proxy costs is seen where the same services are asked without it.
start_deployment_direct() {
  start_services http
  url=$registry_url
}
