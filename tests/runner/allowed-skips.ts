// The reasons for which a test may be skipped in CI: what a machine may lack and npm cannot bring.
export const ALLOWED_SKIPS: readonly RegExp[] = [
  /^\S*python3 has no grpc: apt-get install python3-grpcio$/,
  /^there is no (kubectl|python3) on the PATH$/,
  /^there is no (psql|openssl|promtool)$/,
  /^there are no CRDs in /,
  /^there is no \/proc but on Linux$/,
  /^(grpcurl|schemathesis) is not installed$/,
  /^root may read everything$/,
];
