# shellcheck shell=bash
# Starting and stopping the servers that are single programs: ours, docker-registry, and docker-registry behind nginx.
#
# Sourced by run.sh. Each start_* sets $url, $pids and $account, and puts everything below $dir.

# These come from run.sh and go to it.
# shellcheck disable=SC2034,SC2154

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

# free_ports NAME..: sets each variable to another free port.
free_ports() {
  local name number taken=' '
  for name in "$@"; do
    number=$(free_port)
    while [[ $taken == *" $number "* ]]; do number=$(free_port); done
    taken+="$number "
    printf -v "$name" %s "$number"
  done
}

# Waits until $1 answers with success; the other arguments are the processes that it takes.
await() {
  local pid
  for _ in $(seq 300); do
    curl -fsS --cacert "$certificate" -o /dev/null "$1" 2>/dev/null && return
    for pid in "${@:2}"; do
      kill -0 "$pid" 2>/dev/null || give_up "a process of $server ended before it was ready"
    done
    sleep 0.1
  done
  give_up "no answer from $1 in 30 s"
}

give_up() {
  echo "$1; what was logged:" >&2
  tail -n 50 "$dir/log" "$dir"/logs/*.log >&2 2>/dev/null || true
  exit 1
}

# One certificate for everybody who speaks TLS: $certificate and $certificate_key.
make_certificate() {
  certificate=$root/server.crt certificate_key=$root/server.key
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
    -addext subjectAltName=IP:127.0.0.1,DNS:harbor.example.com -addext basicConstraints=critical,CA:FALSE \
    -keyout "$certificate_key" -out "$certificate" 2>/dev/null
}

start_harbor() {
  local port
  port=$(free_port)
  url=http://127.0.0.1:$port account=(--user admin --password "$password")
  HARBOR_ADMIN_PASSWORD=$password "$program" serve --listen "127.0.0.1:$port" --data "$dir/data" >"$dir/log" 2>&1 &
  pids=($!)
  await "$url/api/v2.0/health" "${pids[@]}"
}

# distribution's own sample configuration, without access log and health checks of the disk.
start_docker_registry() {
  local port
  port=$(free_port)
  url=http://127.0.0.1:$port account=()
  cat >"$dir/registry.yml" <<YAML
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: $dir/data }
  cache: { blobdescriptor: inmemory }
  delete: { enabled: true }
http: { addr: "127.0.0.1:$port" }
YAML
  docker-registry serve "$dir/registry.yml" >"$dir/log" 2>&1 &
  pids=($!)
  await "$url/v2/" "${pids[@]}"
}

start_docker_registry_nginx() { start_behind_nginx http ""; }

start_docker_registry_nginx_tls() {
  # Harbor's make/photon/prepare/templates/nginx/nginx.https.conf.jinja.
  start_behind_nginx https "ssl_certificate $certificate;
    ssl_certificate_key $certificate_key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers '!aNULL:kECDH+AESGCM:ECDH+AESGCM:RSA+AESGCM:kECDH+AES:ECDH+AES:RSA+AES:';
    ssl_prefer_server_ciphers on;
    ssl_session_cache shared:SSL:10m;"
}

# start_behind_nginx SCHEME SETTINGS: the settings of Harbor's make/photon/prepare/templates/nginx/nginx.http.conf.jinja
# that bear on /v2/. Harbor has its core, another proxy, between nginx and the registry: the real path is longer.
start_behind_nginx() {
  start_docker_registry
  local upstream=${url#http://} port tls=''
  port=$(free_port)
  [ "$1" = http ] || tls=' ssl'
  url=$1://127.0.0.1:$port
  mkdir -p "$dir/nginx"
  cat >"$dir/nginx.conf" <<NGINX
worker_processes auto;
pid $dir/nginx.pid;
error_log $dir/nginx.log error;
events { worker_connections 1024; use epoll; multi_accept on; }
http {
  client_body_temp_path $dir/nginx/body;
  proxy_temp_path $dir/nginx/proxy;
  fastcgi_temp_path $dir/nginx/fastcgi;
  uwsgi_temp_path $dir/nginx/uwsgi;
  scgi_temp_path $dir/nginx/scgi;
  tcp_nodelay on;
  proxy_http_version 1.1;
  upstream core { server $upstream; }
  log_format timed_combined '\$remote_addr - "\$request" \$status \$body_bytes_sent '
    '"\$http_referer" "\$http_user_agent" \$request_time \$upstream_response_time \$pipe';
  access_log $dir/access.log timed_combined;
  server {
    listen 127.0.0.1:$port$tls;
    server_tokens off;
    $2
    client_max_body_size 0;
    chunked_transfer_encoding on;
    location /v2/ {
      proxy_pass http://core/v2/;
      proxy_set_header Host \$http_host;
      proxy_set_header X-Real-IP \$remote_addr;
      proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto \$scheme;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_send_timeout 900;
      proxy_read_timeout 900;
    }
  }
}
NGINX
  # Its workers are another user's, who cannot enter a private folder.
  chmod 711 "$root" "$dir"
  nginx -c "$dir/nginx.conf" -e "$dir/nginx.log" -g "daemon off;" >>"$dir/log" 2>&1 &
  pids+=($!)
  await "$url/v2/" "${pids[@]}"
}

stop() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
  pids=()
  stop_database
}
