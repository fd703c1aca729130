#!/bin/sh
# Makes Linkerd's trust anchor and its issuer's certificate: k8s/linkerd/certificates.sh FOLDER. What is there and good stays.
# The anchor lasts ten years and its key signs the next issuer; the issuer lasts one year and goes into the cluster with its key.
set -eu
folder=$1
umask 077
mkdir -p "$folder"
cd "$folder"

cat > openssl.conf <<'CONF'
[req]
distinguished_name = name
prompt = no
[name]
CN = root.linkerd.cluster.local
[anchor]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[issuer]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:identity.linkerd.cluster.local
CONF

month=2592000
good() { [ -s "$1.key" ] && [ -s "$1.crt" ] && openssl x509 -in "$1.crt" -noout -checkend $month > /dev/null; }
# Linkerd takes no other curve.
new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

if ! good anchor; then
  new_key anchor
  openssl req -x509 -new -sha256 -key anchor.key -days 3650 -config openssl.conf -extensions anchor -out anchor.crt
  rm -f issuer.crt issuer.key
  echo "Made a trust anchor: $folder/anchor.crt"
fi
if ! good issuer || ! openssl verify -CAfile anchor.crt issuer.crt > /dev/null 2>&1; then
  new_key issuer
  openssl req -new -sha256 -key issuer.key -config openssl.conf -subj /CN=identity.linkerd.cluster.local -out issuer.csr
  openssl x509 -req -sha256 -in issuer.csr -CA anchor.crt -CAkey anchor.key -CAcreateserial -days 365 \
    -extfile openssl.conf -extensions issuer -out issuer.crt 2> /dev/null
  rm -f issuer.csr
  echo "Made an issuer's certificate: $folder/issuer.crt"
fi
