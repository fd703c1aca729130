/** The image of a service: the Dockerfile builds it, and Tilt or CI give it a tag of their own. */
export function serviceImage(service: string): string {
  return `canary-row/${service}:v1`;
}

/** What others build, at versions that were chosen and not at whatever is newest. */
export const THIRD_PARTY = {
  postgres: "postgres:18.4",
  nats: "nats:2.12.4-alpine",
  redis: "redis:8.6-alpine",
  mailpit: "axllent/mailpit:v1.31.2",
  // With a shell, unlike the one without -alpine. It asks services for their contracts by reflection, as people do on a laptop.
  grpcurl: "fullstorydev/grpcurl:v1.9.3-alpine",
};

/** An image on the node is taken: `kind load` brings it there, and no registry has it. */
export const PULL_POLICY = "IfNotPresent";
