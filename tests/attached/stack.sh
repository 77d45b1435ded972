#!/usr/bin/env bash
# A stack that changeproof does not keep: Postgres, Kafka, Connect with Debezium, Flink with its SQL
# Gateway, as plain processes on ports of loopback of their own, from the jars that changeproof has
# fetched. It writes `stack.yaml` and `env` (the passwords, as variables) into its folder.
#
#   stack.sh up FOLDER plain|secure     start all, and wait until each serves
#   stack.sh down FOLDER                end all
#   stack.sh kill|stop|pause|resume|start FOLDER COMPONENT
#   stack.sh restart FOLDER postgres    stop, start, and wait until it serves
#   stack.sh sql FOLDER STATEMENT       as Postgres' superuser
#   stack.sh acl FOLDER OPTION...       the rights of Kafka's users
#
# `plain` has neither TLS nor logins but Postgres'. `secure` has TLS and logins on every wire, and users
# that may do no more than docs/stacks.md says: `tester`, and three who lack one right at the brokers
# (`no-topics`, `no-groups`, `no-ids`). Its registry speaks neither TLS nor knows logins: whoever starts the
# stack puts a door of both before it, from REGISTRY_DOOR to REGISTRY (both in the file `ports`). `bare` is a
# second worker of Connect without Debezium. CHANGEPROOF_CACHE is changeproof's cache folder; OWNER, if set,
# is a process whose end ends the stack.
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")
root=$(cd "$(dirname "$self")/../.." && pwd)
cache=${CHANGEPROOF_CACHE:-/var/cache/changeproof}

die() { echo "stack.sh: $*" >&2; exit 1; }
[ $# -ge 2 ] || { sed -n '2,20p' "$self" >&2; exit 2; }
command=$1; mkdir -p "$2"; folder=$(cd "$2" && pwd); shift 2
components=(postgres kafka connect bare registry jobmanager taskmanager gateway)

# ---------------------------------------------------------------- processes

pid() { cat "$folder/pids/$1" 2>/dev/null || echo none; }

# A zombie does not live.
lives() { grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$(pid "$1")/status"; }

launch() {
    lives "$1" && return 0
    setsid sh "$folder/run/$1" </dev/null >>"$folder/logs/$1.log" 2>&1 &
    echo $! >"$folder/pids/$1"
}

# Sends a signal and waits until the process is gone; the shell that began it may be another.
end() {
    lives "$2" || return 0
    kill "-$1" "$(pid "$2")" 2>/dev/null || true
    for _ in $(seq 600); do
        lives "$2" || return 0
        sleep 0.05
    done
    die "$2 does not end"
}

until_serves() {
    for _ in $(seq 1200); do
        if eval "$2" >/dev/null 2>&1; then return 0; fi
        lives "$1" || { tail -n 20 "$folder/logs/$1.log" >&2; die "$1 has ended"; }
        sleep 0.05
    done
    tail -n 20 "$folder/logs/$1.log" >&2
    die "$1 does not serve"
}

down() {
    for component in gateway taskmanager jobmanager bare connect registry kafka; do end KILL "$component"; done
    end QUIT postgres
}

superuser() {
    # shellcheck disable=SC1091
    . "$folder/ports"
    PGPASSWORD=$ADMIN_PASSWORD PGSSLMODE=prefer psql -qAt -v ON_ERROR_STOP=1 -h 127.0.0.1 \
        -p "$POSTGRES" -U admin -d postgres -c "$1"
}

case $command in
down) down; exit ;;
kill) end KILL "$1"; exit ;;
stop) end TERM "$1"; exit ;;
pause) kill -STOP "$(pid "$1")"; exit ;;
resume) kill -CONT "$(pid "$1")"; exit ;;
start) launch "$1"; exit ;;
restart) end TERM postgres; launch postgres; until_serves postgres "superuser 'SELECT 1'"; exit ;;
sql) superuser "$1"; exit ;;
acl)
    # shellcheck disable=SC1091
    . "$folder/ports"
    exec java -cp "$KAFKA_JARS" org.apache.kafka.tools.AclCommand --bootstrap-server "localhost:$KAFKA" \
        --command-config "$folder/conf/admin.properties" "$@"
    ;;
up) kind=$1 ;;
*) die "no command $command" ;;
esac

# ---------------------------------------------------------------- what is there

default() { sed -n "s/^default:.*[{ ]$1: \([^,}]*\).*/\1/p" "$root/infra/lanes.yaml"; }

# The folder of a set of jars that holds this one.
jars() {
    local found
    found=$(find "$cache/jars" -maxdepth 4 -path "*/$1-*" -name "$2" -print -quit)
    [ -n "$found" ] || die "no $2 in $cache/jars: run \`changeproof up\` once, which fetches it"
    dirname "$found"
}

# A jar that the local stack does not need, kept in the cache.
extra() {
    local jar=$cache/attached-test/$1-$kafka_version.jar
    if [ ! -f "$jar" ]; then
        mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
            -Dartifact="org.apache.kafka:$1:$kafka_version" -DoutputDirectory="$cache/attached-test" >&2
    fi
    echo "$jar"
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        grep -qx "$port" "$folder/taken" 2>/dev/null && continue
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port" >>"$folder/taken"
    echo "$port"
}

secret() { echo "planted-$1-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')"; }

kafka_version=$(default kafka)
kafka_lib=$(jars kafka "kafka_2.13-$kafka_version.jar")
flink_lib=$(jars flink "flink-clients-$(default flink).jar")
# In two steps: a refusal inside of another substitution would be lost.
plugins=$(jars debezium "debezium-connector-postgres-$(default debezium).jar")
plugins=$(dirname "$plugins")
kafka_jars=$kafka_lib/*
if [ "$kind" = secure ]; then
    registry_jar=$(jars registry 'apicurio-registry-app-*-runner.jar')
    registry_jar=$(find "$registry_jar" -maxdepth 1 -name 'apicurio-registry-app-*-runner.jar')
    converter=$(jars converter 'apicurio-registry-utils-converter-*.jar')
    # Its jars are one plugin, and so lie in one folder of the path.
    converter=$(dirname "$converter")
fi
if [ "$kind" = secure ]; then
    kafka_jars=$kafka_jars:$(extra kafka-tools):$(extra connect-basic-auth-extension)
fi
postgres_bin=${CHANGEPROOF_POSTGRES_BIN:-$(pg_config --bindir 2>/dev/null || dirname "$(find /usr/lib/postgresql -name initdb | sort -V | tail -n 1)")}
# Postgres refuses to be root.
as_nobody=(); [ "$(id -u)" != 0 ] || as_nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups)

down
rm -rf "${folder:?}"/{conf,data,logs,pids,run,certs,taken}
mkdir -p "$folder"/{conf,data,logs,pids,run,certs}
for port in POSTGRES KAFKA MUTUAL CONTROLLER CONNECT BARE REGISTRY REGISTRY_DOOR FLINK RPC GATEWAY; do
    printf -v "$port" %s "$(free_port)"
done
ADMIN_PASSWORD=$(secret admin) TESTER_PASSWORD=$(secret pg) KAFKA_PASSWORD=$(secret kafka)
WORKER_PASSWORD=$(secret worker) CONNECT_PASSWORD=$(secret connect) STORE_PASSWORD=$(secret store) REGISTRY_PASSWORD=$(secret registry)
{
    echo "POSTGRES=$POSTGRES KAFKA=$KAFKA ADMIN_PASSWORD=$ADMIN_PASSWORD"
    for port in MUTUAL CONNECT BARE FLINK GATEWAY REGISTRY REGISTRY_DOOR; do echo "$port=${!port}"; done
    printf 'KAFKA_JARS=%q\n' "$kafka_jars"
} >"$folder/ports"
{
    echo "CP_TEST_PG=$TESTER_PASSWORD"
    echo "CP_TEST_KAFKA=$KAFKA_PASSWORD"
    echo "CP_TEST_CONNECT=$CONNECT_PASSWORD"
    echo "CP_TEST_REGISTRY=$REGISTRY_PASSWORD"
} >"$folder/env"

# ---------------------------------------------------------------- certificates

certs=$folder/certs
certificate() { # NAME: one for a server or a client, signed by the authority
    openssl req -newkey rsa:2048 -nodes -keyout "$certs/$1.key" -subj "/CN=$1" -out "$certs/$1.csr" 2>/dev/null
    openssl x509 -req -in "$certs/$1.csr" -CA "$certs/ca.pem" -CAkey "$certs/ca.key" -CAcreateserial -days 2 \
        -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") -out "$certs/$1.pem" 2>/dev/null
    openssl pkcs12 -export -in "$certs/$1.pem" -inkey "$certs/$1.key" -certfile "$certs/ca.pem" \
        -out "$certs/$1.p12" -passout "pass:$STORE_PASSWORD"
}
if [ "$kind" = secure ]; then
    for authority in ca other; do
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$authority" -keyout "$certs/$authority.key" \
            -out "$certs/$authority.pem" 2>/dev/null
    done
    certificate server
    certificate client
    cat "$certs/server.key" "$certs/server.pem" >"$certs/server-both.pem"
    # That of the kind JKS is read without its password.
    for kind_of in PKCS12:trust.p12 JKS:trust.jks; do
        keytool -importcert -noprompt -alias ca -file "$certs/ca.pem" -keystore "$certs/${kind_of#*:}" \
            -storetype "${kind_of%%:*}" -storepass "$STORE_PASSWORD" 2>/dev/null
    done
fi

# ---------------------------------------------------------------- Postgres

data=$folder/data/postgres
echo "$ADMIN_PASSWORD" >"$folder/conf/admin-password"
mkdir "$data"
[ "$(id -u)" != 0 ] || chown nobody:nogroup "$data"
[ "$(id -u)" != 0 ] || chmod o+x "$folder" "$folder/conf" "$folder/data" "$certs"
chmod 644 "$folder/conf/admin-password"
"${as_nobody[@]}" "$postgres_bin/initdb" -D "$data" -U admin --pwfile="$folder/conf/admin-password" \
    -A scram-sha-256 -E UTF8 --locale=C -N >"$folder/logs/initdb.log" 2>&1
cat >>"$data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $POSTGRES
unix_socket_directories = ''
wal_level = logical
max_replication_slots = 20
max_wal_senders = 20
fsync = off
END
if [ "$kind" = secure ]; then
    cp "$certs/server.pem" "$certs/server.key" "$data/"
    [ "$(id -u)" != 0 ] || chown nobody:nogroup "$data"/server.*
    chmod 600 "$data/server.key"
    printf "ssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\n" >>"$data/postgresql.conf"
    echo "hostssl all all 127.0.0.1/32 scram-sha-256" >"$data/pg_hba.conf"
fi
printf 'exec %s %s -D %q\n' "${as_nobody[*]}" "$postgres_bin/postgres" "$data" >"$folder/run/postgres"

# ---------------------------------------------------------------- Kafka

java=(java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -XX:MetaspaceSize=128m
    -Dorg.slf4j.simpleLogger.showDateTime=true
    -Dlog4j2.loggerContextFactory=org.apache.logging.log4j.simple.SimpleLoggerContextFactory)
if [ "$kind" = secure ]; then protocol=SASL_SSL mutual=SSL; else protocol=PLAINTEXT mutual=PLAINTEXT; fi
scram() { echo "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"$1\" password=\"$2\";"; }
cat >"$folder/conf/kafka.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:$CONTROLLER
listeners=CLIENT://127.0.0.1:$KAFKA,MUTUAL://127.0.0.1:$MUTUAL,CONTROLLER://127.0.0.1:$CONTROLLER
advertised.listeners=CLIENT://localhost:$KAFKA,MUTUAL://localhost:$MUTUAL
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENT:$protocol,MUTUAL:$mutual
log.dirs=$folder/data/kafka
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
metric.reporters=
END
format=()
if [ "$kind" = secure ]; then
    cat >>"$folder/conf/kafka.properties" <<END
ssl.keystore.type=PEM
ssl.keystore.location=$certs/server-both.pem
ssl.truststore.type=PEM
ssl.truststore.location=$certs/ca.pem
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.client.scram-sha-512.sasl.jaas.config=$(scram admin "$ADMIN_PASSWORD")
listener.name.client.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_tester="$KAFKA_PASSWORD";
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.principal.mapping.rules=RULE:^CN=client$/tester/
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
END
    for login in admin:$ADMIN_PASSWORD worker:$WORKER_PASSWORD {tester,no-topics,no-groups,no-ids}:$KAFKA_PASSWORD; do
        format+=(--add-scram "SCRAM-SHA-512=[name=${login%%:*},password=${login#*:}]")
    done
fi
# How a Java client gets in, as lines that begin so.
login() { # PREFIX USER PASSWORD
    [ "$kind" = secure ] || return 0
    cat <<END
$1security.protocol=SASL_SSL
$1sasl.mechanism=SCRAM-SHA-512
$1sasl.jaas.config=$(scram "$2" "$3")
$1ssl.truststore.type=PEM
$1ssl.truststore.location=$certs/ca.pem
END
}
login "" admin "$ADMIN_PASSWORD" >"$folder/conf/admin.properties"
"${java[@]}" -cp "$kafka_jars" kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw \
    -c "$folder/conf/kafka.properties" "${format[@]}" >"$folder/logs/format.log" 2>&1
run() { # COMPONENT WORD...: the command that starts it
    local component=$1; shift
    printf '%q ' exec "$@" >"$folder/run/$component"
}
run kafka "${java[@]}" -Xmx512m -cp "$kafka_jars" kafka.Kafka "$folder/conf/kafka.properties"

# ---------------------------------------------------------------- Connect

cat >"$folder/conf/connect.properties" <<END
bootstrap.servers=localhost:$KAFKA
group.id=connect
admin.listeners=
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
offset.storage.topic=connect-offsets
config.storage.topic=connect-configs
status.storage.topic=connect-status
offset.storage.replication.factor=1
config.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=1
status.storage.partitions=1
offset.flush.interval.ms=100
scheduled.rebalance.max.delay.ms=0
config.providers=env
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
plugin.path=$plugins${converter:+,$converter}
plugin.discovery=service_load
metric.reporters=
$(login "" worker "$WORKER_PASSWORD")
$(login producer. worker "$WORKER_PASSWORD")
$(login consumer. worker "$WORKER_PASSWORD")
$(login admin. worker "$WORKER_PASSWORD")
END
jaas=()
if [ "$kind" = secure ]; then
    cat >>"$folder/conf/connect.properties" <<END
listeners=https://127.0.0.1:$CONNECT
listeners.https.ssl.keystore.type=PKCS12
listeners.https.ssl.keystore.location=$certs/server.p12
listeners.https.ssl.keystore.password=$STORE_PASSWORD
listeners.https.ssl.key.password=$STORE_PASSWORD
rest.extension.classes=org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension
END
    echo "tester: $CONNECT_PASSWORD" >"$folder/conf/connect.users"
    cat >"$folder/conf/connect.jaas" <<END
KafkaConnect {
  org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required
  file="$folder/conf/connect.users";
};
END
    mkdir "$folder/data/no-plugins"
    # Whom the registry's converter trusts is said to the worker alone.
    jaas=("-Djava.security.auth.login.config=$folder/conf/connect.jaas"
        "-Djavax.net.ssl.trustStore=$certs/trust.p12" "-Djavax.net.ssl.trustStorePassword=$STORE_PASSWORD")
    sed -e "s/^listeners=.*/listeners=https:\/\/127.0.0.1:$BARE/" -e 's/^group.id=.*/group.id=connect-bare/' \
        -e 's/\.storage\.topic=connect-/&bare-/' -e "s|^plugin.path=.*|plugin.path=$folder/data/no-plugins|" \
        "$folder/conf/connect.properties" >"$folder/conf/bare.properties"
else
    echo "listeners=http://127.0.0.1:$CONNECT" >>"$folder/conf/connect.properties"
fi
worker() { # COMPONENT
    run "$1" env "SOURCE_PASSWORD=$TESTER_PASSWORD" "${java[@]}" -Xmx768m "${jaas[@]}" -cp "$kafka_jars" \
        org.apache.kafka.connect.cli.ConnectDistributed "$folder/conf/$1.properties"
}
worker connect
if [ "$kind" = secure ]; then
    worker bare
    run registry "${java[@]}" -Xmx384m -Dquarkus.http.host=127.0.0.1 "-Dquarkus.http.port=$REGISTRY" -jar "$registry_jar"
fi

# ---------------------------------------------------------------- Flink

mkdir -p "$folder/data/flink"
cat >"$folder/conf/config.yaml" <<END
jobmanager.rpc.address: localhost
jobmanager.bind-host: 127.0.0.1
jobmanager.rpc.port: $RPC
jobmanager.memory.process.size: 1000m
rest.address: localhost
rest.bind-address: 127.0.0.1
rest.port: $FLINK
taskmanager.host: localhost
taskmanager.bind-host: 127.0.0.1
sql-gateway.endpoint.rest.address: localhost
sql-gateway.endpoint.rest.bind-address: 127.0.0.1
sql-gateway.endpoint.rest.port: $GATEWAY
taskmanager.numberOfTaskSlots: 64
taskmanager.cpu.cores: 2.0
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.task.heap.size: 640m
taskmanager.memory.task.off-heap.size: 64m
taskmanager.memory.managed.size: 1024m
taskmanager.memory.network.min: 192m
taskmanager.memory.network.max: 192m
taskmanager.memory.jvm-metaspace.size: 512m
taskmanager.memory.jvm-overhead.min: 64m
taskmanager.memory.jvm-overhead.max: 64m
io.tmp.dirs: $folder/data/flink
execution.checkpointing.interval: 10s
execution.checkpointing.dir: file://$folder/data/checkpoints
execution.checkpointing.savepoint-dir: file://$folder/data/savepoints
execution.checkpointing.num-retained: 3
metrics.fetcher.update-interval: 100
heartbeat.interval: 500
heartbeat.timeout: 20s
heartbeat.rpc-failure-threshold: 2
END
if [ "$kind" = secure ]; then
    cat >>"$folder/conf/config.yaml" <<END
security.ssl.rest.enabled: true
security.ssl.rest.authentication-enabled: true
security.ssl.rest.keystore: $certs/server.p12
security.ssl.rest.keystore-password: $STORE_PASSWORD
security.ssl.rest.key-password: $STORE_PASSWORD
security.ssl.rest.truststore: $certs/trust.p12
security.ssl.rest.truststore-password: $STORE_PASSWORD
security.ssl.algorithms: TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
END
fi
opened=()
for package in java.lang java.lang.invoke java.util java.util.concurrent java.nio java.time; do
    opened+=("--add-opens=java.base/$package=ALL-UNNAMED")
done
opened+=(--add-opens=java.base/sun.nio.ch=ALL-UNNAMED)
flink() { # COMPONENT HEAP CLASS ARGUMENT...
    local component=$1 heap=$2; shift 2
    run "$component" env "FLINK_CONF_DIR=$folder/conf" "${java[@]}" "-Xmx$heap" "${opened[@]}" -cp "$flink_lib/*" "$@"
}
flink jobmanager 640m org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint --configDir "$folder/conf"
flink taskmanager 1024m org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir "$folder/conf"
flink gateway 768m org.apache.flink.table.gateway.SqlGateway

# ---------------------------------------------------------------- the stack file

fault() { # TARGET COMPONENT
    cat <<END
  $1:
    kill: '$self kill $folder $2'
    stop: '$self stop $folder $2'
    pause: '$self pause $folder $2'
    resume: '$self resume $folder $2'
    start: '$self start $folder $2'
END
}
{
    echo "stack: v1"
    echo "kind: attached"
    if [ "$kind" = secure ]; then
        cat <<END
postgres:
  url: postgres://tester@localhost:$POSTGRES/postgres
  password: {env: CP_TEST_PG}
  password_seen_from_components: '\${env:SOURCE_PASSWORD}'
  seen_from_components: localhost:$POSTGRES
  tls: {mode: verify-full, ca: certs/ca.pem, ca_seen_from_components: $certs/ca.pem}
kafka:
  bootstrap: localhost:$KAFKA
  security: {protocol: SASL_SSL, mechanism: SCRAM-SHA-512, user: tester, password: {env: CP_TEST_KAFKA}, ca: certs/ca.pem}
connect:
  url: https://localhost:$CONNECT
  user: tester
  password: {env: CP_TEST_CONNECT}
  ca: certs/ca.pem
flink:
  rest: {url: 'https://localhost:$FLINK', ca: certs/ca.pem, certificate: certs/client.pem, key: certs/client.key}
  gateway: {url: 'https://localhost:$GATEWAY', ca: certs/ca.pem, certificate: certs/client.pem, key: certs/client.key}
registry:
  url: https://localhost:$REGISTRY_DOOR
  user: tester
  password: {env: CP_TEST_REGISTRY}
  ca: certs/ca.pem
  ca_seen_from_components: $certs/trust.jks
END
    else
        cat <<END
postgres:
  url: postgres://tester@127.0.0.1:$POSTGRES/postgres
  password: {env: CP_TEST_PG}
kafka:
  bootstrap: localhost:$KAFKA
connect: http://127.0.0.1:$CONNECT
flink:
  rest: http://127.0.0.1:$FLINK
  gateway: http://127.0.0.1:$GATEWAY
END
    fi
    echo "faults:"
    fault postgres postgres
    fault kafka kafka
    fault worker connect
    fault taskmanager taskmanager
    fault jobmanager jobmanager
} >"$folder/stack.yaml"

# ---------------------------------------------------------------- start

if [ -n "${OWNER:-}" ]; then
    setsid sh -c 'while kill -0 "$1" 2>/dev/null; do sleep 1; done; exec "$2" down "$3"' watchdog \
        "$OWNER" "$self" "$folder" </dev/null >/dev/null 2>&1 &
fi
trap down ERR
for component in kafka jobmanager postgres; do launch "$component"; done
if [ "$kind" = secure ]; then
    curl=(curl -fsS --cacert "$certs/ca.pem" --cert "$certs/client.pem" --key "$certs/client.key")
    http=https
else
    curl=(curl -fsS) http=http
fi
ask() { "${curl[@]}" -u "tester:$CONNECT_PASSWORD" "$http://localhost:$1"; }
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
until_serves postgres "superuser 'SELECT 1'"
superuser "CREATE ROLE tester LOGIN CREATEDB REPLICATION PASSWORD '$TESTER_PASSWORD'"
until_serves kafka "listens $KAFKA"
if [ "$kind" = secure ]; then
    acl() { "$self" acl "$folder" --add "$@" >>"$folder/logs/acl.log" 2>&1; }
    all() { # EXCEPT OPTION...: everything with what begins with cp_, for all users but one
        local except=$1 user principals=(); shift
        for user in tester no-topics no-groups no-ids; do
            [ "$user" = "$except" ] || principals+=(--allow-principal "User:$user")
        done
        acl "${principals[@]}" --operation All --resource-pattern-type prefixed "$@"
    }
    all no-topics --topic cp_ & rights=($!)
    all no-groups --group cp_ & rights+=($!)
    all no-ids --transactional-id cp_ & rights+=($!)
    # What a worker needs for itself, and what docs/stacks.md asks of it.
    acl --allow-principal User:worker --operation All --resource-pattern-type prefixed --topic connect --group connect &
    rights+=($!)
    acl --allow-principal User:worker --operation Write --operation Describe --resource-pattern-type prefixed --topic cp_ &
    rights+=($!)
    launch registry
    for right in "${rights[@]}"; do wait "$right"; done
    launch bare
fi
launch connect
until_serves jobmanager "ask $FLINK/config"
launch taskmanager
launch gateway
until_serves gateway "ask $GATEWAY/v3/info"
until_serves taskmanager "ask $FLINK/overview | grep -q '\"slots-total\":64'"
until_serves connect "ask $CONNECT/connectors"
if [ "$kind" = secure ]; then
    until_serves bare "ask $BARE/connectors"
    until_serves registry "curl -fsS http://127.0.0.1:$REGISTRY/apis/ccompat/v7/subjects"
fi
