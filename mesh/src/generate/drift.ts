import { GENERATED } from "./mesh-files.ts";

/** How a folder of generated files differs from what it should be, by path. */
export interface Drift {
  /** Not there, or not with this text: to be written. */
  readonly toWrite: readonly string[];
  /** Generated once, and wanted no longer: to be removed. */
  readonly toRemove: readonly string[];
}

/** What a user has put there by hand is left alone. */
export function driftOf(wanted: ReadonlyMap<string, string>, present: ReadonlyMap<string, string>): Drift {
  return {
    toWrite: [...wanted].filter(([file, text]) => present.get(file) !== text).map(([file]) => file),
    toRemove: [...present]
      .filter(([file, text]) => text.startsWith(GENERATED) && !wanted.has(file))
      .map(([file]) => file),
  };
}

/** One line for each file, which says what to do. */
export function describeDrift({ toWrite, toRemove }: Drift): string[] {
  return [
    ...toWrite.map(
      (file) => `${file} is not what the contracts and service.yaml say: run "npm run generate" and commit the file`,
    ),
    ...toRemove.map((file) => `${file} belongs to no service: run "npm run generate" and commit its removal`),
  ];
}
