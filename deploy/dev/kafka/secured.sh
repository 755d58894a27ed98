# shellcheck shell=bash
# What `kafka.sh start --secured` adds to a node: listeners that want to know who
# clients are, and what these need for it. Read by kafka.sh.
#
# Invariant: all that is secret lies in $data/secured, which only its owner may read;
# nothing of it is printed. It is made once for a data directory, at random, and is good
# for nothing else. (While Kafka's storage is prepared, its tool has the password on its
# command line, which is the only way it takes one.)

# The listeners in the order of their ports, which follow those of the node.
secured_listeners=(TLS MUTUAL PLAIN SCRAM)
secured_protocols=TLS:SSL,MUTUAL:SSL,PLAIN:SASL_PLAINTEXT,SCRAM:SASL_SSL
secured_days=3650
secured_user=streamgauge

# secured_port LISTENER
secured_port() {
  local at
  for at in "${!secured_listeners[@]}"; do
    if [[ "${secured_listeners[at]}" == "$1" ]]; then echo $((port + 2 + at)); fi
  done
}

secured_addresses() {
  local listener text=
  for listener in "${secured_listeners[@]}"; do
    text+=",$listener://127.0.0.1:$(secured_port "$listener")"
  done
  echo "${text#,}"
}

# An authority, and certificates of the broker and of a client by it; another authority
# that nobody trusts, and a password.
make_secrets() (
  [[ ! -s "$data/secured/env" ]] || exit 0
  command -v openssl >/dev/null || missing "openssl is needed to make certificates. On Debian:
  apt-get install openssl"
  umask 077
  mkdir -p "$data/secured"
  cd "$data/secured"
  authority ca "streamgauge development"
  authority other-ca "nobody"
  certificate broker "subjectAltName=IP:127.0.0.1,DNS:localhost"
  certificate client "extendedKeyUsage=clientAuth"
  # Kafka takes its key and its certificate from one file.
  cat broker.key broker.pem >broker-with-key.pem
  local password
  password=$(openssl rand -hex 16)
  echo "$password" >password
  # Last: whoever finds it finds all.
  {
    local listener
    for listener in "${secured_listeners[@]}"; do
      echo "$listener=127.0.0.1:$(secured_port "$listener")"
    done
    echo "CA_FILE=$PWD/ca.pem"
    echo "OTHER_CA_FILE=$PWD/other-ca.pem"
    echo "CERT_FILE=$PWD/client.pem"
    echo "KEY_FILE=$PWD/client.key"
    echo "USERNAME=$secured_user"
    echo "PASSWORD=$password"
  } >env
)

# authority NAME SUBJECT
authority() {
  quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 \
    -days "$secured_days" -keyout "$1.key" -out "$1.pem" -subj "/CN=$2" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
}

# certificate NAME EXTENSION: a key, and its certificate by the authority.
certificate() {
  quietly openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 \
    -keyout "$1.key" -out "$1.csr" -subj "/CN=streamgauge $1"
  quietly openssl x509 -req -sha256 -days "$secured_days" -in "$1.csr" -CA ca.pem \
    -CAkey ca.key -CAcreateserial -extfile <(echo "$2") -out "$1.pem"
}

# Shows what a command says only if it fails.
quietly() {
  local said
  said=$("$@" 2>&1) || fail "$1 has failed: $said"
}

# The part of the settings of a node, which has listeners besides.
secured_settings() {
  local password scram=org.apache.kafka.common.security.scram.ScramLoginModule
  password=$(cat "$data/secured/password")
  cat <<TEXT

ssl.keystore.type=PEM
ssl.keystore.location=$data/secured/broker-with-key.pem
ssl.truststore.type=PEM
ssl.truststore.location=$data/secured/ca.pem
listener.name.mutual.ssl.client.auth=required
listener.name.plain.sasl.enabled.mechanisms=PLAIN
listener.name.plain.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_$secured_user="$password";
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.scram.scram-sha-256.sasl.jaas.config=$scram required;
listener.name.scram.scram-sha-512.sasl.jaas.config=$scram required;
TEXT
}

# Sets scram_users to what the tool that prepares the storage must be told.
find_scram_users() {
  local password mechanism
  password=$(cat "$data/secured/password")
  scram_users=()
  for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
    scram_users+=(--add-scram "$mechanism=[name=$secured_user,password=$password]")
  done
}
