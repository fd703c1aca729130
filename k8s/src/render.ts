/** The text of a rendered file. */
import { manifestText } from "@row/mesh/generate/manifest-text.ts";

/** The first words of every rendered file, by which one that is no longer wanted is known. */
export const RENDERED = "# Rendered from";

/** Several objects as one file for kubectl. */
export function renderFile(objects: readonly object[]): string {
  const heading = `${RENDERED} every service.yaml by \`npm run k8s:render\`; change those, or k8s/src, instead`;
  return manifestText(heading, objects);
}
