import { RowError } from "@row/topology/row-error.ts";

/** So that the sockets of an instance, which carry its name, stay within what the system allows. */
export const LONGEST_VERSION = 12;

/** Refuses what could not be part of a Service's name, an instance's name and a label. */
export function checkVersionName(version: string): void {
  if (version.length <= LONGEST_VERSION && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(version)) return;
  throw new RowError(
    `Cannot call a version ${version || '""'}: use at most ${LONGEST_VERSION} lower-case letters, digits and dashes, such as v2`,
  );
}
